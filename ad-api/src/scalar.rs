//! The number type that functions are written over.

use std::fmt::Debug;
use std::iter::{Product, Sum};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Sub, SubAssign};
use std::sync::Arc;

use nalgebra::RealField;

use crate::{Failure, Rule};

/// A real number that an engine can see through: `f64`, or one that carries derivatives.
///
/// Generic code over `S: Scalar` reads like `f64` code: `x * 2.0 + 1.0`, `if x > 0.0`, `x.sin()`.
/// Only a constant on the *left* of an operator is written `S::from(2.0) * x`. The elementary
/// functions are those of [`nalgebra::ComplexField`] and [`nalgebra::RealField`], so that
/// nalgebra's generic LU, QR, Cholesky and norms are differentiated unchanged; this trait adds
/// [`pow`](Self::pow), [`maximum`](Self::maximum) and [`minimum`](Self::minimum), whose second
/// operand may be an `f64`, and [`erf`](Self::erf).
///
/// # Laws
///
/// - Comparisons, equality and `is_zero` look at the [`primal`](Self::primal) alone, so that a
///   derivative takes the path that the value takes.
/// - The value of an operation is what the inner type gives: derivatives never change it.
/// - At a kink the derivative is that of the branch taken: `max` and `min` of equal operands follow
///   the first, `clamp` at a bound follows the value. `|0|` and `hypot(0, 0)` have derivative 0, the
///   subgradient of least norm; `floor`, `signum` and their like have derivative 0 everywhere.
/// - An infinite partial times a tangent (or cotangent) that is identically zero is zero: what does
///   not depend on an input has no NaN derivative with respect to it.
///
/// # Example
///
/// ```
/// use ad_api::Scalar;
///
/// fn softplus<S: Scalar>(x: S) -> S {
///     if x > 30.0 { x } else { x.exp().ln_1p() }
/// }
/// assert!((softplus(0.0_f64) - 2.0_f64.ln()).abs() < 1e-15);
/// ```
///
/// Adapters implement it for their number types with [`scalar!`](crate::scalar!).
pub trait Scalar:
    RealField
    + Copy
    + Debug
    + From<f64>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
    + AddAssign<f64>
    + SubAssign<f64>
    + MulAssign<f64>
    + DivAssign<f64>
    + PartialEq<f64>
    + PartialOrd<f64>
    + Sum
    + Product
    + for<'a> Sum<&'a Self>
    + for<'a> Product<&'a Self>
{
    /// How many engines are stacked in this type: 0 for `f64`, 2 for a dual of a tape variable.
    const DEPTH: usize;

    /// The innermost value, without derivatives.
    fn primal(self) -> f64;

    /// The number without any derivatives: what is meant to be a constant, as the shift in a
    /// log-sum-exp.
    #[inline]
    #[must_use]
    fn detached(self) -> Self {
        Self::from(self.primal())
    }

    /// Whether the number is zero with all the derivatives it carries, so that a product with it may
    /// be left out. A zero that depends on an input does not vanish.
    fn vanishes(self) -> bool;

    /// Whether the number is finite and not zero, so that its product with any other is what
    /// [`strong_mul`](Self::strong_mul) says. No where that is not known: a recorded program may be
    /// run at another point.
    fn is_regular(self) -> bool;

    /// Applies an opaque differentiable map: the value from the rule's own code, the derivatives
    /// that this type carries from the rule's derivatives.
    ///
    /// # Shapes
    ///
    /// `x` and `y` have the rule's numbers of inputs and outputs.
    ///
    /// # Errors
    ///
    /// What the rule reports, and [`AdError::Rule`](crate::AdError::Rule) where it has no derivative
    /// for this type.
    fn apply_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure>;

    /// The Gauss error function, `2/√π ∫₀ˣ exp(-t²) dt`.
    fn erf(self) -> Self;

    /// `self` to the power of `exponent`, which may be an `f64`.
    #[must_use]
    fn pow(self, exponent: impl Into<Self>) -> Self {
        self.powf(exponent.into())
    }

    /// The larger of the two; `self` if they are equal or `other` is NaN.
    #[must_use]
    fn maximum(self, other: impl Into<Self>) -> Self {
        self.max(other.into())
    }

    /// The smaller of the two; `self` if they are equal or `other` is NaN.
    #[must_use]
    fn minimum(self, other: impl Into<Self>) -> Self {
        self.min(other.into())
    }

    /// `self * other`, or zero if either [vanishes](Self::vanishes), even where the other is
    /// infinite or NaN. Engines multiply partials with tangents and cotangents by it.
    #[must_use]
    fn strong_mul(self, other: Self) -> Self {
        if self.vanishes() || other.vanishes() { Self::zero() } else { self * other }
    }
}

impl Scalar for f64 {
    const DEPTH: usize = 0;

    #[inline]
    fn primal(self) -> f64 {
        self
    }

    #[inline]
    fn vanishes(self) -> bool {
        self == 0.0
    }

    #[inline]
    fn is_regular(self) -> bool {
        // One comparison: without its sign bit, a finite number other than 0 is between the two.
        let magnitude = self.to_bits() << 1;
        magnitude.wrapping_sub(1) < (f64::INFINITY.to_bits() << 1) - 1
    }

    fn apply_rule<R: Rule>(rule: &Arc<R>, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        rule.value(x, y)
    }

    fn erf(self) -> f64 {
        libm::erf(self)
    }
}
