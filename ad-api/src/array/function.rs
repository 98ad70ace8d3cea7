//! What a function author writes for an array program.

use super::{Array, Dims, Tensor};
use crate::{AdError, Failure, Result};

/// A function of arrays, written once over the arrays of any library.
///
/// As a [`Function`](crate::Function) is over numbers: a value of the implementing type is the function,
/// bulk data are its fields (as [`Constant`](super::Constant)s, which stay on the device).
///
/// # Laws
///
/// `eval` is a pure function of `x` that does not look at values on the host: the operations that it
/// calls are the same for all `x` (use [`select`](Array::select) for branches), so that an engine may
/// record them once.
///
/// ```
/// use ad_api::array::{Array, ArrayFunction, Dims, Tensor};
/// use ad_api::Failure;
///
/// /// One dense layer: weights `[inputs, outputs]`, bias `[outputs]`, a batch `[n, inputs]`.
/// #[derive(Clone)]
/// struct Layer { batch: usize, inputs: usize, outputs: usize }
///
/// impl ArrayFunction for Layer {
///     fn inputs(&self) -> Vec<Dims> {
///         let Layer { batch, inputs, outputs } = *self;
///         vec![[inputs, outputs].into(), [outputs].into(), [batch, inputs].into()]
///     }
///     fn outputs(&self) -> Vec<Dims> {
///         vec![[self.batch, self.outputs].into()]
///     }
///     fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
///         let [weights, bias, batch] = x else { unreachable!("inputs are checked") };
///         Ok(vec![(batch.matmul(weights) + bias).tanh()])
///     }
/// }
/// ```
pub trait ArrayFunction: Clone + Send + Sync + 'static {
    /// The shapes of the inputs.
    fn inputs(&self) -> Vec<Dims>;

    /// The shapes of the outputs.
    fn outputs(&self) -> Vec<Dims>;

    /// `f(x)`.
    ///
    /// # Errors
    ///
    /// A [`Failure`] if there is none. Shapes that do not fit need no check: the array that results
    /// carries the error, and whoever asked for `f` gets it.
    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure>;
}

/// `f(x)`, with inputs and outputs checked.
///
/// # Errors
///
/// [`AdError::Array`] where the inputs do not have the shapes of `f.inputs()`, or the outputs not
/// those of `f.outputs()`; the failure of `f`, and of the operations it consists of.
pub fn evaluate<T: Tensor, F: ArrayFunction>(f: &F, x: &[Array<T>]) -> Result<Vec<Array<T>>> {
    check_arrays("inputs", &f.inputs(), x)?;
    let y = f.eval(x)?;
    y.iter().try_for_each(Array::check)?;
    check_arrays("outputs", &f.outputs(), &y)?;
    Ok(y)
}

/// Checks that arrays have the shapes that a function states for its `what`.
///
/// # Errors
///
/// [`AdError::Array`] if they have not.
pub fn check_arrays<T: Tensor>(
    what: &'static str,
    expected: &[Dims],
    found: &[Array<T>],
) -> Result<()> {
    if found.iter().map(Array::dims).eq(expected.iter().copied()) {
        return Ok(());
    }
    let list = |dims: &mut dyn Iterator<Item = Dims>| {
        dims.map(|dims| dims.to_string()).collect::<Vec<_>>().join(", ")
    };
    Err(AdError::Array {
        operation: what,
        found: list(&mut found.iter().map(Array::dims)),
        expected: list(&mut expected.iter().copied()),
    })
}
