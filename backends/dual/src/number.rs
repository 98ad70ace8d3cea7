//! A value with `N` tangents.

use std::array::from_fn;
use std::sync::Arc;

use ad_api::{Failure, Lift, Rule, Scalar, scratch};

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
    pub fn new(re: S, eps: [S; N]) -> Self {
        DualNumber { re, eps }
    }

    fn map(self, re: S, d: impl Fn(S) -> S) -> Self {
        DualNumber { re, eps: from_fn(|k| d(self.eps[k])) }
    }

    fn zip(self, rhs: Self, re: S, d: impl Fn(S, S) -> S) -> Self {
        DualNumber { re, eps: from_fn(|k| d(self.eps[k], rhs.eps[k])) }
    }
}

/// Whether the partial multiplies tangents as plain arithmetic would: neither infinite, NaN nor zero,
/// the cases where [`Scalar::strong_mul`] may differ from `*`.
fn plain<S: Scalar>(d: S) -> bool {
    let d = d.primal();
    d.is_finite() && d != 0.0
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
        if plain(d) {
            self.map(value, |eps| eps * d)
        } else {
            self.map(value, |eps| d.strong_mul(eps))
        }
    }

    #[inline]
    fn lift_binary(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        if plain(d_self) && plain(d_rhs) {
            self.zip(rhs, value, |a, b| d_self * a + d_rhs * b)
        } else {
            self.zip(rhs, value, |a, b| d_self.strong_mul(a) + d_rhs.strong_mul(b))
        }
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        scratch::with(2 * (x.len() + y.len()), |buffer: &mut [S]| {
            let (primal, rest) = buffer.split_at_mut(x.len());
            let (tangent, rest) = rest.split_at_mut(x.len());
            let (value, derivative) = rest.split_at_mut(y.len());
            primal.iter_mut().zip(x).for_each(|(primal, x)| *primal = x.re);
            S::apply_rule(rule, primal, value)?;
            y.iter_mut().zip(&*value).for_each(|(y, &value)| *y = Self::constant(value));
            for k in 0..N {
                if x.iter().all(|x| x.eps[k].vanishes()) {
                    continue;
                }
                tangent.iter_mut().zip(x).for_each(|(tangent, x)| *tangent = x.eps[k]);
                rule.tangent(primal, tangent, derivative)?;
                y.iter_mut().zip(&*derivative).for_each(|(y, &d)| y.eps[k] = d);
            }
            Ok(())
        })
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
        DualNumber { re: self.re + c, eps: self.eps }
    }
}

ad_api::scalar!([S: Scalar, const N: usize] DualNumber<S, N>);
