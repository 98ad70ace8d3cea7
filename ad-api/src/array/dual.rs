//! Forward mode over any arrays.

use super::{Array, ArrayOp, Constant, Dims, Linear, Tensor, linearize_op};
use crate::{AdError, Result};

/// An array with tangents: forward mode for any array library.
///
/// The tangents have the shape of the primal with any axes in front: none for one tangent, one axis of
/// size `k` for `k` tangents that go through every operation together. An array without tangents is a
/// constant, and an operation on constants costs what it costs without derivatives.
///
/// It is a [`Tensor`] over a [`Tensor`], so it nests: duals of duals carry second derivatives, and duals
/// over a [`TapedTensor`](super::TapedTensor), or under one, mixed modes.
///
/// ```
/// use ad_api::array::{Array, DualTensor, HostTensor};
///
/// let x: Array<HostTensor<f64>> = Array::host([2], &[1.0, 3.0])?;
/// let x_dots = x.constant([3, 2], &[1.0, 0.0, 0.0, 1.0, 2.0, 2.0]);
/// let x = Array::new(DualTensor::with_tangents(&x, &x_dots)?);
///
/// let y = x.square().sum_all();
/// let y = y.tensor()?;
/// assert_eq!(y.primal().to_vec()?, [10.0]);
/// assert_eq!(y.tangents().expect("y depends on x").to_vec()?, [2.0, 6.0, 16.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
///
/// # References
///
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008, section 3.1 (vector
/// forward mode).
#[derive(Clone, Debug)]
pub struct DualTensor<T: Tensor> {
    primal: Array<T>,
    tangents: Option<Array<T>>,
}

impl<T: Tensor> DualTensor<T> {
    /// An array without tangents.
    ///
    /// # Errors
    ///
    /// The error that the array carries.
    pub fn constant(primal: &Array<T>) -> Result<Self> {
        primal.check()?;
        Ok(DualTensor { primal: primal.clone(), tangents: None })
    }

    /// An array with tangents.
    ///
    /// # Shapes
    ///
    /// `primal: [dims]`, `tangents: [.., dims]`.
    ///
    /// # Errors
    ///
    /// [`AdError::Array`] for other shapes; the error that either array carries.
    pub fn with_tangents(primal: &Array<T>, tangents: &Array<T>) -> Result<Self> {
        primal.check()?;
        tangents.check()?;
        if !tangents.shape().ends_with(primal.shape()) {
            return Err(AdError::Array {
                operation: "tangents",
                found: tangents.dims().to_string(),
                expected: format!("a shape that ends in {}", primal.dims()),
            });
        }
        Ok(DualTensor { primal: primal.clone(), tangents: Some(tangents.clone()) })
    }

    /// The array without its tangents.
    pub fn primal(&self) -> &Array<T> {
        &self.primal
    }

    /// The tangents, `None` if they are zero because nothing active is among what it was computed from.
    pub fn tangents(&self) -> Option<&Array<T>> {
        self.tangents.as_ref()
    }
}

impl<T: Tensor> Tensor for DualTensor<T> {
    type Device = T::Device;

    fn device(&self) -> T::Device {
        self.primal.device()
    }

    fn dims(&self) -> Dims {
        self.primal.dims()
    }

    fn precision(device: &T::Device) -> f64 {
        T::precision(device)
    }

    fn from_host(device: &T::Device, dims: Dims, entries: &[f64]) -> Result<Self> {
        let primal = Array::new(T::from_host(device, dims, entries)?);
        Ok(DualTensor { primal, tangents: None })
    }

    fn full(device: &T::Device, dims: Dims, value: f64) -> Result<Self> {
        Ok(DualTensor { primal: Array::new(T::full(device, dims, value)?), tangents: None })
    }

    fn from_constant(device: &T::Device, constant: &Constant) -> Result<Self> {
        let primal = Array::new(T::from_constant(device, constant)?);
        Ok(DualTensor { primal, tangents: None })
    }

    fn is_constant(&self) -> bool {
        self.tangents.is_none() && self.primal.is_constant()
    }

    fn to_host(&self) -> Result<Vec<f64>> {
        self.primal.to_vec()
    }

    fn apply(op: &ArrayOp, operands: &[&Self], _: Dims) -> Result<Self> {
        let primals: Vec<_> = operands.iter().map(|operand| &operand.primal).collect();
        let primal = Array::apply(op, &primals);
        primal.check()?;
        let mut active = Vec::new();
        for (i, operand) in operands.iter().enumerate() {
            if let Some(tangents) = &operand.tangents {
                let linear = linearize_op(op, &primals, &primal, i);
                active.extend(linear.map(|linear| (linear, tangents)));
            }
        }
        if active.is_empty() {
            return Ok(DualTensor { primal, tangents: None });
        }
        let tangents = Linear::sum(&active);
        tangents.check()?;
        Ok(DualTensor { primal, tangents: Some(tangents) })
    }
}
