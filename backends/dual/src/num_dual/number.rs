//! num-dual's vector dual numbers as scalars.

use std::sync::Arc;

use ad_api::{Failure, Lift, Rule, Scalar};
use nalgebra::{Const, SVector, U1};
use num_dual::{Derivative, DualSVec};

use super::Bridge;
use crate::lanes::{LaneNumber, apply_rule};

/// num-dual's [`DualSVec`] over any scalar, as a [`Scalar`].
///
/// Sums, products and the chain rule are num-dual's; the elementary functions are those of
/// `ad-api`, and products with an infinite partial keep its laws.
#[derive(Debug, Clone, Copy)]
pub struct NumDualNumber<S: Scalar, const N: usize>(pub DualSVec<Bridge<S>, N>);

type Tangents<S, const N: usize> = Derivative<Bridge<S>, Const<N>, U1>;

/// The tangents times a partial, by num-dual where its arithmetic keeps the laws of `ad-api`.
#[inline]
fn times<S: Scalar, const N: usize>(eps: &Tangents<S, N>, d: S) -> Tangents<S, N> {
    if d.is_regular() {
        eps * Bridge(d)
    } else {
        Derivative(eps.0.map(|eps| eps.map(|eps| Bridge(d.strong_mul(eps.0)))))
    }
}

impl<S: Scalar, const N: usize> NumDualNumber<S, N> {
    #[inline]
    fn new(re: S, eps: Tangents<S, N>) -> Self {
        NumDualNumber(DualSVec::new(Bridge(re), eps))
    }
}

impl<S: Scalar, const N: usize> Lift for NumDualNumber<S, N> {
    type Inner = S;

    #[inline]
    fn constant(value: S) -> Self {
        NumDualNumber(DualSVec::from_re(Bridge(value)))
    }

    #[inline]
    fn inner(self) -> S {
        self.0.re.0
    }

    #[inline]
    fn is_constant(self) -> bool {
        self.0.eps.0.is_none_or(|eps| eps.iter().all(|eps| eps.0.vanishes()))
    }

    #[inline]
    fn lift_unary(self, value: S, d: S) -> Self {
        Self::new(value, times(&self.0.eps, d))
    }

    #[inline]
    fn lift_binary(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        Self::new(value, times(&self.0.eps, d_self) + times(&rhs.0.eps, d_rhs))
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        apply_rule(rule, x, y)
    }

    #[inline]
    fn lift_add(self, rhs: Self) -> Self {
        NumDualNumber(self.0 + rhs.0)
    }

    #[inline]
    fn lift_sub(self, rhs: Self) -> Self {
        NumDualNumber(self.0 - rhs.0)
    }

    #[inline]
    fn lift_mul(self, rhs: Self) -> Self {
        let (a, b) = (self.inner(), rhs.inner());
        if a.is_regular() && b.is_regular() {
            NumDualNumber(self.0 * rhs.0)
        } else {
            self.lift_binary(rhs, a * b, b, a)
        }
    }

    // No `lift_div`: num-dual's quotient is `a · (1/b)`, which rounds twice, and its tangents divide
    // by `b²`, which overflows.

    #[inline]
    fn lift_neg(self) -> Self {
        NumDualNumber(-self.0)
    }

    #[inline]
    fn lift_add_constant(self, c: f64) -> Self {
        NumDualNumber(self.0 + c)
    }
}

ad_api::scalar!([S: Scalar, const N: usize] NumDualNumber<S, N>);

impl<S: Scalar, const N: usize> LaneNumber for NumDualNumber<S, N> {
    const TANGENTS: usize = N;

    #[inline]
    fn tangent(&self, lane: usize) -> S {
        self.0.eps.0.map_or_else(S::zero, |eps| eps[lane].0)
    }

    #[inline]
    fn set_tangent(&mut self, lane: usize, tangent: S) {
        let zeros = || SVector::repeat(Bridge(S::zero()));
        self.0.eps.0.get_or_insert_with(zeros)[lane] = Bridge(tangent);
    }
}
