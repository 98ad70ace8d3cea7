//! What a function author writes for a scalar program.

use crate::{Failure, Scalar, StructureVisitor};

/// A function `f: ℝⁿ → ℝᵐ`, written once over any [`Scalar`].
///
/// A value of the implementing type *is* the function: data that does not vary with `x` are its
/// fields (bulk data behind an [`Arc`](std::sync::Arc), since backends clone the function).
///
/// # Laws
///
/// `eval` is a pure function of `x`: it writes every entry of `y`, reads none of them, and gives
/// the same result when called again. Its number of calls and their order belong to the backend.
///
/// # Example
///
/// ```
/// use ad_api::{Failure, Function, Scalar};
///
/// /// The Rosenbrock function in two variables.
/// #[derive(Clone)]
/// struct Rosenbrock;
///
/// impl Function for Rosenbrock {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         let valley = x[1] - x[0] * x[0];
///         y[0] = (x[0] - 1.0).powi(2) + valley * valley * 100.0;
///         Ok(())
///     }
/// }
/// let mut y = [0.0];
/// Rosenbrock.eval(&[1.0, 2.0], &mut y).unwrap();
/// assert_eq!(y, [100.0]);
/// ```
pub trait Function: Clone + Send + Sync + 'static {
    /// The number `n` of inputs.
    fn inputs(&self) -> usize;

    /// The number `m` of outputs.
    fn outputs(&self) -> usize;

    /// Writes `f(x)` into `y`.
    ///
    /// # Shapes
    ///
    /// `x: n`, `y: m`. Backends check the lengths before they call.
    ///
    /// # Errors
    ///
    /// A [`Failure`] if `f` has no value at `x`. It reaches whoever asked for the derivative as
    /// [`AdError::Function`](crate::AdError::Function). A value that is not finite is no failure: it
    /// is handed on, with whatever derivatives IEEE arithmetic gives it.
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure>;

    /// The relative accuracy of the values, which sets the steps of finite differences.
    ///
    /// Default: the rounding unit. Larger where the function iterates to a tolerance, or is itself
    /// a numerical derivative.
    fn precision(&self) -> f64 {
        f64::EPSILON
    }

    /// Shows an engine the [structure](crate::structure) that the function states.
    ///
    /// Default: none. A wrapper keeps the default unless it has the very structure of what it wraps.
    fn structure<V: StructureVisitor>(&self, visitor: V) -> V::Output {
        visitor.plain(self)
    }
}
