//! A value with `N` tangents.

use std::array::from_fn;
use std::sync::Arc;

use ad_api::{Failure, Lift, Rule, Scalar};

use crate::lanes::{LaneNumber, apply_rule};

/// `re + Σ epsₖ εₖ`: a value and `N` tangents, over any base scalar.
///
/// # References
///
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008, section 3.1 (vector
/// forward mode).
#[derive(Debug, Clone, Copy)]
pub struct DualNumber<S, const N: usize> {
    /// The value.
    pub re: S,
    /// The tangents.
    pub eps: [S; N],
}

impl<S: Scalar, const N: usize> DualNumber<S, N> {
    /// A value with tangents.
    #[inline]
    pub fn new(re: S, eps: [S; N]) -> Self {
        DualNumber { re, eps }
    }

    #[inline]
    fn map(self, re: S, d: impl Fn(S) -> S) -> Self {
        DualNumber { re, eps: from_fn(|k| d(self.eps[k])) }
    }

    #[inline]
    fn zip(self, rhs: Self, re: S, d: impl Fn(S, S) -> S) -> Self {
        DualNumber { re, eps: from_fn(|k| d(self.eps[k], rhs.eps[k])) }
    }
}

impl<S: Scalar, const N: usize> Lift for DualNumber<S, N> {
    type Inner = S;

    #[inline]
    fn constant(value: S) -> Self {
        DualNumber { re: value, eps: [S::from(0.0); N] }
    }

    #[inline]
    fn inner(self) -> S {
        self.re
    }

    #[inline]
    fn is_constant(self) -> bool {
        self.eps.iter().all(|eps| eps.vanishes())
    }

    #[inline]
    fn lift_unary(self, value: S, d: S) -> Self {
        if d.is_regular() {
            self.map(value, |eps| eps * d)
        } else {
            self.map(value, |eps| d.strong_mul(eps))
        }
    }

    #[inline]
    fn lift_binary(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        if d_self.is_regular() & d_rhs.is_regular() {
            self.zip(rhs, value, |a, b| d_self * a + d_rhs * b)
        } else {
            self.zip(rhs, value, |a, b| d_self.strong_mul(a) + d_rhs.strong_mul(b))
        }
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        apply_rule(rule, x, y)
    }

    #[inline]
    fn lift_add(self, rhs: Self) -> Self {
        self.zip(rhs, self.re + rhs.re, |a, b| a + b)
    }

    #[inline]
    fn lift_sub(self, rhs: Self) -> Self {
        self.zip(rhs, self.re - rhs.re, |a, b| a - b)
    }

    #[inline]
    fn lift_mul(self, rhs: Self) -> Self {
        self.lift_binary(rhs, self.re * rhs.re, rhs.re, self.re)
    }

    #[inline]
    fn lift_div(self, rhs: Self) -> Self {
        let (value, d) = (self.re / rhs.re, rhs.re.recip());
        self.lift_binary(rhs, value, d, -value * d)
    }

    #[inline]
    fn lift_neg(self) -> Self {
        self.map(-self.re, |eps| -eps)
    }

    #[inline]
    fn lift_add_constant(self, c: f64) -> Self {
        DualNumber { re: self.re + c, eps: self.eps }
    }

    #[inline]
    fn lift_mul_constant(self, c: f64) -> Self {
        if c.is_finite() && c != 0.0 {
            self.map(self.re * c, |eps| eps * c)
        } else {
            self.lift_unary(self.re * c, S::from(c))
        }
    }
}

impl<S: Scalar, const N: usize> LaneNumber for DualNumber<S, N> {
    const TANGENTS: usize = N;

    #[inline]
    fn tangent(&self, lane: usize) -> S {
        self.eps[lane]
    }

    #[inline]
    fn set_tangent(&mut self, lane: usize, tangent: S) {
        self.eps[lane] = tangent;
    }
}

ad_api::scalar!([S: Scalar, const N: usize] DualNumber<S, N>);
