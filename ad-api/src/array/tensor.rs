//! What an array library implements.

use std::fmt::Debug;

use super::{ArrayOp, Constant, Dims};
use crate::Result;

/// The arrays of one library: a shape, a place where the entries live, and one function that computes
/// every [`ArrayOp`].
///
/// This is all that an adapter writes. Models see an [`Array`](super::Array) around it, which checks
/// shapes before it calls, so an implementation may rely on operands that fit. Derivatives are not its
/// business: [`DualTensor`](super::DualTensor) and [`TapedTensor`](super::TapedTensor) are tensors over
/// any tensor.
///
/// # Laws
///
/// Handles are cheap to clone and values never change. The result of `apply` has the shape
/// [`ArrayOp::dims`] says, and the meaning that [`ArrayOp`] documents; only its rounding is the
/// library's own. The conformance suite checks all operations.
pub trait Tensor: Clone + Debug + Send + Sync + 'static {
    /// Where arrays live, and in which precision.
    type Device: Clone + Debug + PartialEq + Send + Sync + 'static;

    /// Where this one lives.
    fn device(&self) -> Self::Device;

    /// Its shape.
    fn dims(&self) -> Dims;

    /// The relative rounding error of one operation: `f64::EPSILON` or that of the precision in use.
    fn precision(device: &Self::Device) -> f64;

    /// The array with these entries, row by row, `dims.count()` of them.
    ///
    /// # Errors
    ///
    /// What the library reports.
    fn from_host(device: &Self::Device, dims: Dims, entries: &[f64]) -> Result<Self>;

    /// The array whose entries are all `value`.
    ///
    /// # Errors
    ///
    /// What the library reports.
    fn full(device: &Self::Device, dims: Dims, value: f64) -> Result<Self> {
        Self::from_host(device, dims, &vec![value; dims.count()])
    }

    /// The array of a [`Constant`]: copied to the device once, and kept with the constant.
    ///
    /// Only tensors around other tensors need anything but the default: they forward it.
    ///
    /// # Errors
    ///
    /// What the library reports.
    fn from_constant(device: &Self::Device, constant: &Constant) -> Result<Self> {
        constant.kept_on(device)
    }

    /// Whether the entries are known to carry no derivatives of any engine, so that a zero among them
    /// is zero whatever is differentiated. Answering `true` for plain numbers saves derivatives work.
    fn is_constant(&self) -> bool {
        false
    }

    /// The entries, row by row, without derivatives: a copy to the host.
    ///
    /// # Errors
    ///
    /// What the library reports.
    fn to_host(&self) -> Result<Vec<f64>>;

    /// The result of `op`, whose shape is `dims`.
    ///
    /// # Errors
    ///
    /// What the library reports. Operands that do not fit each other are no such case: they are
    /// refused before.
    fn apply(op: &ArrayOp, operands: &[&Self], dims: Dims) -> Result<Self>;
}
