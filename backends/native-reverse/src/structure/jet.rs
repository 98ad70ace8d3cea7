//! A value with `N` tangents, for bodies with few inputs.

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
    #[inline(always)]
    pub(crate) fn input(re: S, j: usize) -> Self {
        let mut eps = [S::from(0.0); N];
        if let Some(eps) = eps.get_mut(j) {
            *eps = S::from(1.0);
        }
        Jet { re, eps }
    }

    // PERF: plain loops. `array::from_fn` and zipped iterators are calls of functions.
    #[inline(always)]
    fn map(self, re: S, d: impl Fn(S) -> S) -> Self {
        let mut eps = self.eps;
        for eps in &mut eps {
            *eps = d(*eps);
        }
        Jet { re, eps }
    }

    #[inline(always)]
    fn zip(self, rhs: Self, re: S, d: impl Fn(S, S) -> S) -> Self {
        let mut eps = self.eps;
        for (eps, &rhs) in eps.iter_mut().zip(&rhs.eps) {
            *eps = d(*eps, rhs);
        }
        Jet { re, eps }
    }
}

impl<S: Scalar, const N: usize> Lift for Jet<S, N> {
    type Inner = S;

    #[inline(always)]
    fn constant(value: S) -> Self {
        Jet { re: value, eps: [S::from(0.0); N] }
    }

    #[inline(always)]
    fn inner(self) -> S {
        self.re
    }

    #[inline(always)]
    fn is_constant(self) -> bool {
        self.eps.iter().all(|eps| eps.vanishes())
    }

    #[inline(always)]
    fn lift_detached(self) -> Self {
        Self::constant(self.re.detached())
    }

    #[inline(always)]
    fn lift_unary(self, value: S, d: S) -> Self {
        self.map(value, |eps| eps * d)
    }

    #[inline(always)]
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

    #[inline(always)]
    fn lift_add(self, rhs: Self) -> Self {
        self.zip(rhs, self.re + rhs.re, |a, b| a + b)
    }

    #[inline(always)]
    fn lift_sub(self, rhs: Self) -> Self {
        self.zip(rhs, self.re - rhs.re, |a, b| a - b)
    }

    #[inline(always)]
    fn lift_mul(self, rhs: Self) -> Self {
        self.lift_binary(rhs, self.re * rhs.re, rhs.re, self.re)
    }

    #[inline(always)]
    fn lift_div(self, rhs: Self) -> Self {
        let (value, d) = (self.re / rhs.re, rhs.re.recip());
        self.lift_binary(rhs, value, d, -value * d)
    }

    #[inline(always)]
    fn lift_neg(self) -> Self {
        self.map(-self.re, |eps| -eps)
    }

    #[inline(always)]
    fn lift_add_constant(self, c: f64) -> Self {
        Jet { re: self.re + c, eps: self.eps }
    }

    #[inline(always)]
    fn lift_mul_constant(self, c: f64) -> Self {
        self.map(self.re * c, |eps| eps * c)
    }
}

ad_api::scalar!([S: Scalar, const N: usize] Jet<S, N>);
