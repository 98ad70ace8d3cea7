//! Differentiation of array programs where their arrays live.

use super::{Array, ArrayFunction, Tensor};
use crate::{Engine, Result};

/// The arrays of one library on one device.
pub type Arrays<B> = Vec<Array<<B as ArrayBackend>::Tensor>>;

/// An engine that differentiates array programs on a device of its own, in reverse mode.
///
/// Implemented by adapters of tensor libraries, whose reverse mode is closed: it differentiates the
/// library's arrays and no others, once. (`ad-native-reverse` implements it for arrays in memory, as
/// the engine of the host beside them.)
/// [`array_backend!`](crate::array_backend!) makes a closed engine a whole [`Backend`](crate::Backend)
/// of scalar and array programs, of every order and in every composition.
pub trait ArrayBackend: Engine {
    /// The arrays of the library.
    type Tensor: Tensor;

    /// Where this engine computes, and in which precision.
    ///
    /// # Errors
    ///
    /// [`AdError::Unsupported`](crate::AdError::Unsupported) where the device is not there, or does not
    /// have the precision.
    fn device(&self) -> Result<<Self::Tensor as Tensor>::Device>;

    /// `f(x)`, and `J(x)ᵀ w` for each cotangent `w` in `y_bars`: one array for each input.
    ///
    /// # Shapes
    ///
    /// `x` has the shapes of `f.inputs()`, each cotangent those of `f.outputs()`.
    ///
    /// # Errors
    ///
    /// [`AdError::Array`](crate::AdError::Array) for other shapes, the failure of `f`, what the library
    /// reports.
    fn value_and_pullbacks<F: ArrayFunction>(
        &self,
        f: &F,
        x: &[Array<Self::Tensor>],
        y_bars: &[Arrays<Self>],
    ) -> Result<(Arrays<Self>, Vec<Arrays<Self>>)>;
}
