//! num-dual's hyper-dual numbers as scalars: second derivatives from one evaluation.

use std::sync::Arc;

use ad_api::{Failure, Lift, Rule, Scalar};
use nalgebra::{Const, RowSVector, SMatrix, U1};
use num_dual::{Derivative, DualSVec, HyperDualVec};

use super::{Bridge, NumDualNumber};
use crate::lanes::{LaneNumber, apply_rule};

/// num-dual's [`HyperDualVec`] over any scalar, as a [`Scalar`].
///
/// A hyper-dual number is a dual number (tangents `eps2`, `N` of them) over a dual number (`re` and
/// its tangents `eps1`, `M` of them): the tangents of the tangents, `eps1eps2`, are the second
/// derivatives. That is how the hooks of [`Lift`] apply to it.
///
/// # References
///
/// J. Fike, J. Alonso, *The development of hyper-dual numbers for exact second-derivative
/// calculations*, AIAA 2011-886.
#[derive(Debug, Clone, Copy)]
pub struct HyperNumber<S: Scalar, const M: usize, const N: usize>(
    pub HyperDualVec<Bridge<S>, Const<M>, Const<N>>,
);

type Inner<S, const M: usize> = NumDualNumber<S, M>;
type Row<S, const N: usize> = Derivative<Bridge<S>, U1, Const<N>>;
type Block<S, const M: usize, const N: usize> = Derivative<Bridge<S>, Const<M>, Const<N>>;

/// Whether num-dual's arithmetic keeps the laws of `ad-api` for this partial: its value may not turn
/// a zero tangent into NaN, nor may its own tangents.
#[inline]
fn plain_partial<S: Scalar, const M: usize>(d: &Inner<S, M>) -> bool {
    let finite = |eps: &Bridge<S>| eps.0.primal().is_finite();
    d.0.re.0.is_regular() && d.0.eps.0.as_ref().is_none_or(|eps| eps.iter().all(finite))
}

impl<S: Scalar, const M: usize, const N: usize> HyperNumber<S, M, N> {
    #[inline]
    fn new(value: Inner<S, M>, eps2: Row<S, N>, eps1eps2: Block<S, M, N>) -> Self {
        HyperNumber(HyperDualVec::new(value.0.re, value.0.eps, eps2, eps1eps2))
    }

    /// The outer tangents times a partial: `(eps2, eps1eps2)`, by the product rule.
    #[inline]
    fn times(&self, d: Inner<S, M>) -> (Row<S, N>, Block<S, M, N>) {
        let HyperDualVec { eps2, eps1eps2, .. } = &self.0;
        if plain_partial(&d) {
            return (eps2 * d.0.re, eps1eps2 * d.0.re + &d.0.eps * eps2);
        }
        let mut product = Self::constant(d);
        if eps2.0.is_some() || eps1eps2.0.is_some() {
            for lane in 0..N {
                product.set_tangent(lane, d.strong_mul(self.tangent(lane)));
            }
        }
        (product.0.eps2, product.0.eps1eps2)
    }
}

impl<S: Scalar, const M: usize, const N: usize> Lift for HyperNumber<S, M, N> {
    type Inner = NumDualNumber<S, M>;

    #[inline]
    fn constant(value: Self::Inner) -> Self {
        Self::new(value, Derivative::none(), Derivative::none())
    }

    #[inline]
    fn inner(self) -> Self::Inner {
        NumDualNumber(DualSVec::new(self.0.re, self.0.eps1))
    }

    #[inline]
    fn is_constant(self) -> bool {
        let vanishes = |eps: &Bridge<S>| eps.0.vanishes();
        self.0.eps2.0.is_none_or(|eps| eps.iter().all(vanishes))
            && self.0.eps1eps2.0.is_none_or(|eps| eps.iter().all(vanishes))
    }

    #[inline]
    fn lift_unary(self, value: Self::Inner, d: Self::Inner) -> Self {
        let (eps2, eps1eps2) = self.times(d);
        Self::new(value, eps2, eps1eps2)
    }

    #[inline]
    fn lift_binary(
        self,
        rhs: Self,
        value: Self::Inner,
        d_self: Self::Inner,
        d_rhs: Self::Inner,
    ) -> Self {
        let ((a2, a12), (b2, b12)) = (self.times(d_self), rhs.times(d_rhs));
        Self::new(value, a2 + b2, a12 + b12)
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        apply_rule(rule, x, y)
    }

    #[inline]
    fn lift_add(self, rhs: Self) -> Self {
        HyperNumber(self.0 + rhs.0)
    }

    #[inline]
    fn lift_sub(self, rhs: Self) -> Self {
        HyperNumber(self.0 - rhs.0)
    }

    #[inline]
    fn lift_mul(self, rhs: Self) -> Self {
        let (a, b) = (self.inner(), rhs.inner());
        if plain_partial(&a) && plain_partial(&b) {
            HyperNumber(self.0 * rhs.0)
        } else {
            self.lift_binary(rhs, a * b, b, a)
        }
    }

    #[inline]
    fn lift_neg(self) -> Self {
        HyperNumber(-self.0)
    }

    #[inline]
    fn lift_add_constant(self, c: f64) -> Self {
        HyperNumber(self.0 + c)
    }
}

ad_api::scalar!([S: Scalar, const M: usize, const N: usize] HyperNumber<S, M, N>);

impl<S: Scalar, const M: usize, const N: usize> LaneNumber for HyperNumber<S, M, N> {
    const TANGENTS: usize = N;

    #[inline]
    fn tangent(&self, lane: usize) -> Self::Inner {
        let re = self.0.eps2.0.map_or_else(|| Bridge(S::zero()), |eps| eps[lane]);
        let eps = self.0.eps1eps2.0.map(|eps| eps.column(lane).into_owned());
        NumDualNumber(DualSVec::new(re, Derivative(eps)))
    }

    #[inline]
    fn set_tangent(&mut self, lane: usize, tangent: Self::Inner) {
        let zero = Bridge(S::zero());
        self.0.eps2.0.get_or_insert_with(|| RowSVector::repeat(zero))[lane] = tangent.0.re;
        match (&mut self.0.eps1eps2.0, tangent.0.eps.0) {
            (None, None) => {}
            (block, column) => {
                let column = column.unwrap_or_else(|| nalgebra::SVector::repeat(zero));
                block.get_or_insert_with(|| SMatrix::repeat(zero)).set_column(lane, &column);
            }
        }
    }
}
