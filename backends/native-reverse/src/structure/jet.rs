//! A value with `N` tangents, for bodies with few inputs.

use std::array::from_fn;
use std::sync::Arc;

use ad_api::{AdError, Failure, Lift, Rule, Scalar};

/// A value with `N` tangents that are multiplied as plain numbers: zero times infinity is NaN here,
/// so a derivative that is NaN must be computed again with more care.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jet<S, const N: usize> {
    pub(crate) re: S,
    pub(crate) eps: [S; N],
}

impl<S: Scalar, const N: usize> Jet<S, N> {
    /// The input numbered `j`.
    #[inline]
    pub(crate) fn input(re: S, j: usize) -> Self {
        Jet { re, eps: from_fn(|k| S::from(if k == j { 1.0 } else { 0.0 })) }
    }

    #[inline]
    fn map(self, re: S, d: impl Fn(S) -> S) -> Self {
        Jet { re, eps: from_fn(|k| d(self.eps[k])) }
    }

    #[inline]
    fn zip(self, rhs: Self, re: S, d: impl Fn(S, S) -> S) -> Self {
        Jet { re, eps: from_fn(|k| d(self.eps[k], rhs.eps[k])) }
    }
}

impl<S: Scalar, const N: usize> Lift for Jet<S, N> {
    type Inner = S;

    #[inline]
    fn constant(value: S) -> Self {
        Jet { re: value, eps: [S::from(0.0); N] }
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
    fn lift_detached(self) -> Self {
        Self::constant(self.re.detached())
    }

    #[inline]
    fn lift_unary(self, value: S, d: S) -> Self {
        self.map(value, |eps| eps * d)
    }

    #[inline]
    fn lift_binary(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        self.zip(rhs, value, |a, b| d_self * a + d_rhs * b)
    }

    /// Refused: those who use this type compute functions with rules on the tape.
    fn lift_rule<R: Rule>(_: &Arc<R>, _: &[Self], _: &mut [Self]) -> Result<(), Failure> {
        Err(Failure::from(AdError::Unsupported {
            backend: "native-reverse".into(),
            operation: "static tangents",
            reason: "a rule is applied on the tape".into(),
        }))
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
    fn lift_neg(self) -> Self {
        self.map(-self.re, |eps| -eps)
    }

    #[inline]
    fn lift_add_constant(self, c: f64) -> Self {
        Jet { re: self.re + c, eps: self.eps }
    }

    #[inline]
    fn lift_mul_constant(self, c: f64) -> Self {
        self.map(self.re * c, |eps| eps * c)
    }
}

ad_api::scalar!([S: Scalar, const N: usize] Jet<S, N>);
