//! Array programs as functions of numbers.

use std::sync::Arc;

use super::{Array, ArrayFunction, Dims, HostTensor, Tensor, evaluate};
use crate::{AdError, Failure, Function, Result, Scalar, StructureVisitor};

/// An array program as a [`Function`]: its inputs are the entries of one input array after another,
/// each row by row, and its outputs likewise.
///
/// Any backend runs it, on [`HostTensor`]s of its own numbers. An engine that has arrays recognises it
/// by [`StructureVisitor::array`].
///
/// ```
/// use ad_api::array::{Array, ArrayFunction, Dims, Flat, Tensor};
/// use ad_api::{Differentiate, Failure};
/// use ad_dual::Dual;
///
/// /// `(A, x) ↦ ½ |A x|²`.
/// #[derive(Clone)]
/// struct Energy;
///
/// impl ArrayFunction for Energy {
///     fn inputs(&self) -> Vec<Dims> { vec![[2, 2].into(), [2, 1].into()] }
///     fn outputs(&self) -> Vec<Dims> { vec![Dims::SCALAR] }
///     fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
///         Ok(vec![x[0].matmul(&x[1]).square().sum_all() * 0.5])
///     }
/// }
/// let gradient = Dual::default().gradient(&Flat::new(Energy), &[1.0, 2.0, 3.0, 4.0, 1.0, 1.0])?;
/// // A x xᵀ and Aᵀ A x, with A x = (3, 7).
/// assert_eq!(gradient.as_slice(), [3.0, 3.0, 7.0, 7.0, 24.0, 34.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Flat<F> {
    function: F,
    inputs: Arc<[Dims]>,
    outputs: Arc<[Dims]>,
}

impl<F: ArrayFunction> Flat<F> {
    /// `function`, flattened.
    pub fn new(function: F) -> Self {
        let (inputs, outputs) = (function.inputs().into(), function.outputs().into());
        Flat { function, inputs, outputs }
    }

    /// The array program.
    pub fn function(&self) -> &F {
        &self.function
    }

    /// The shapes of its inputs.
    pub fn input_dims(&self) -> &[Dims] {
        &self.inputs
    }

    /// The shapes of its outputs.
    pub fn output_dims(&self) -> &[Dims] {
        &self.outputs
    }
}

impl<F: ArrayFunction> Function for Flat<F> {
    fn inputs(&self) -> usize {
        self.inputs.iter().map(Dims::count).sum()
    }

    fn outputs(&self) -> usize {
        self.outputs.iter().map(Dims::count).sum()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let inputs = parts(&self.inputs, x)
            .map(|(dims, entries)| Array::<HostTensor<S>>::from_entries(dims, entries.to_vec()))
            .collect::<Result<Vec<_>>>()?;
        let mut rest = y;
        for array in evaluate(&self.function, &inputs)? {
            let (part, behind) = rest.split_at_mut(array.count());
            part.copy_from_slice(&array.entries()?);
            rest = behind;
        }
        Ok(())
    }

    fn structure<V: StructureVisitor>(&self, visitor: V) -> V::Output {
        visitor.array(self)
    }
}

/// Arrays of these shapes on a device, from their entries one after another.
///
/// # Errors
///
/// [`AdError::Shape`] unless there are as many entries as the shapes have, and what the library
/// reports.
pub fn unflatten<T: Tensor>(
    device: &T::Device,
    dims: &[Dims],
    entries: &[f64],
) -> Result<Vec<Array<T>>> {
    let count = dims.iter().map(Dims::count).sum();
    AdError::check_len("entries", entries.len(), count, "the products of the sizes, added up")?;
    let arrays = parts(dims, entries).map(|(dims, part)| Array::from_host(device, dims, part));
    arrays.map(|array| array.check().map(|()| array)).collect()
}

/// The entries of arrays one after another: a copy to the host, without derivatives.
///
/// # Errors
///
/// The error that an array carries, and what the library reports.
pub fn flatten<T: Tensor>(arrays: &[Array<T>]) -> Result<Vec<f64>> {
    let mut entries = Vec::with_capacity(arrays.iter().map(Array::count).sum());
    for array in arrays {
        entries.extend(array.to_vec()?);
    }
    Ok(entries)
}

fn parts<'a, N>(dims: &'a [Dims], entries: &'a [N]) -> impl Iterator<Item = (Dims, &'a [N])> {
    let mut rest = entries;
    dims.iter().map(move |&dims| {
        let (part, behind) = rest.split_at(dims.count());
        rest = behind;
        (dims, part)
    })
}
