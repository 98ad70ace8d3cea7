//! Several rows in one number.

use std::cell::Cell;
use std::sync::Arc;

use ad_api::{Failure, Lift, Relation, Rule, scratch};

/// How many rows are computed side by side.
pub(crate) const LANES: usize = 8;

/// A number for each of [`LANES`] rows, computed in loops that the compiler vectorizes.
///
/// Control flow cannot differ between lanes. Whatever a program asks about a number, a comparison or
/// its primal, is answered for the first lane; where another lane would answer differently, the
/// thread is told, and [`agree`] returns `None`: the rows must be computed one by one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes(pub(crate) [f64; LANES]);

thread_local! {
    static DISAGREED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`, and returns its result unless a question had different answers in different lanes.
pub(crate) fn agree<R>(body: impl FnOnce() -> R) -> Option<R> {
    let outer = DISAGREED.replace(false);
    let result = body();
    (!DISAGREED.replace(outer)).then_some(result)
}

#[cold]
#[inline(never)]
fn disagree() {
    DISAGREED.set(true);
}

impl Lanes {
    pub(crate) const ZERO: Lanes = Lanes([0.0; LANES]);

    /// The same number in every lane.
    #[inline(always)]
    pub(crate) fn splat(x: f64) -> Self {
        Lanes([x; LANES])
    }

    #[inline(always)]
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        let mut lanes = self.0;
        for x in &mut lanes {
            *x = f(*x);
        }
        Lanes(lanes)
    }

    #[inline(always)]
    fn zip(self, rhs: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let mut lanes = self.0;
        for (x, &y) in lanes.iter_mut().zip(&rhs.0) {
            *x = f(*x, y);
        }
        Lanes(lanes)
    }

    /// `self += a * b`, with no regard to zeros: what is not finite has to be looked at.
    #[inline(always)]
    pub(crate) fn add_product(&mut self, a: Self, b: Self) {
        for lane in 0..LANES {
            self.0[lane] += a.0[lane] * b.0[lane];
        }
    }

    /// Whether a lane is NaN.
    #[inline(always)]
    pub(crate) fn has_nan(self) -> bool {
        self.0.iter().fold(false, |nan, x| nan | x.is_nan())
    }

    /// The answer of the first lane, which the others should give too.
    #[inline(always)]
    fn ask<A: PartialEq + Copy>(self, rhs: Self, question: impl Fn(f64, f64) -> A) -> A {
        let answer = question(self.0[0], rhs.0[0]);
        let same = (1..LANES)
            .fold(true, |same, lane| same & (question(self.0[lane], rhs.0[lane]) == answer));
        if !same {
            disagree();
        }
        answer
    }
}

impl Lift for Lanes {
    type Inner = f64;

    #[inline(always)]
    fn constant(value: f64) -> Self {
        Lanes::splat(value)
    }

    #[inline(always)]
    fn inner(self) -> f64 {
        self.0[0]
    }

    #[inline(always)]
    fn is_constant(self) -> bool {
        true
    }

    /// A function of the first lane alone, as a foreign caller would compute it.
    fn lift_unary(self, value: f64, _: f64) -> Self {
        disagree();
        Lanes::splat(value)
    }

    /// As [`lift_unary`](Self::lift_unary).
    fn lift_binary(self, _: Self, value: f64, _: f64, _: f64) -> Self {
        disagree();
        Lanes::splat(value)
    }

    /// A rule may state its derivatives for `f64` alone, so its rows are computed one by one.
    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        disagree();
        scratch::with(x.len() + y.len(), |buffer: &mut [f64]| {
            let (first, value) = buffer.split_at_mut(x.len());
            first.iter_mut().zip(x).for_each(|(first, x)| *first = x.0[0]);
            rule.value(first, value)?;
            y.iter_mut().zip(value).for_each(|(y, &mut value)| *y = Lanes::splat(value));
            Ok(())
        })
    }

    #[inline(always)]
    fn lift_vanishes(self) -> bool {
        self.0.iter().all(|&x| x == 0.0)
    }

    #[inline(always)]
    fn lift_holds(self, relation: Relation, rhs: Self) -> bool {
        self.ask(rhs, |a, b| relation.holds(&a, &b))
    }

    #[inline(always)]
    fn lift_primal(self) -> f64 {
        self.ask(self, |a, _| a.to_bits());
        self.0[0]
    }

    #[inline(always)]
    fn lift_detached(self) -> Self {
        self
    }

    #[inline(always)]
    fn lift_add(self, rhs: Self) -> Self {
        self.zip(rhs, |a, b| a + b)
    }

    #[inline(always)]
    fn lift_sub(self, rhs: Self) -> Self {
        self.zip(rhs, |a, b| a - b)
    }

    #[inline(always)]
    fn lift_mul(self, rhs: Self) -> Self {
        self.zip(rhs, |a, b| a * b)
    }

    #[inline(always)]
    fn lift_div(self, rhs: Self) -> Self {
        self.zip(rhs, |a, b| a / b)
    }

    #[inline(always)]
    fn lift_neg(self) -> Self {
        self.map(|a| -a)
    }

    #[inline(always)]
    fn lift_add_constant(self, c: f64) -> Self {
        self.map(|a| a + c)
    }

    #[inline(always)]
    fn lift_mul_constant(self, c: f64) -> Self {
        self.map(|a| a * c)
    }

    #[inline(always)]
    fn lift_div_constant(self, c: f64) -> Self {
        self.map(|a| a / c)
    }
}

/// The elementary functions, lane by lane: those of `f64`, so that no lane differs from its row.
mod elementary {
    use super::Lanes;
    use ad_api::Scalar;
    use nalgebra::{ComplexField, RealField};

    macro_rules! each {
        ($($name:ident)*) => {$(
            #[inline(always)]
            pub(super) fn $name(x: Lanes) -> Lanes { x.map(ComplexField::$name) }
        )*};
    }

    each! {
        sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp exp2 exp_m1 ln ln_1p log2
        log10 sqrt cbrt recip sinc sinhc fract floor ceil round trunc signum abs
    }

    #[inline(always)]
    pub(super) fn erf(x: Lanes) -> Lanes {
        x.map(Scalar::erf)
    }

    #[inline(always)]
    pub(super) fn powi(x: Lanes, n: i32) -> Lanes {
        x.map(|x| x.powi(n))
    }

    #[inline(always)]
    pub(super) fn powf(x: Lanes, p: Lanes) -> Lanes {
        x.zip(p, f64::powf)
    }

    #[inline(always)]
    pub(super) fn mul_add(x: Lanes, a: Lanes, b: Lanes) -> Lanes {
        Lanes(std::array::from_fn(|lane| x.0[lane].mul_add(a.0[lane], b.0[lane])))
    }

    #[inline(always)]
    pub(super) fn log(x: Lanes, base: Lanes) -> Lanes {
        x.zip(base, f64::log)
    }

    #[inline(always)]
    pub(super) fn hypot(x: Lanes, y: Lanes) -> Lanes {
        x.zip(y, f64::hypot)
    }

    #[inline(always)]
    pub(super) fn atan2(y: Lanes, x: Lanes) -> Lanes {
        y.zip(x, f64::atan2)
    }

    #[inline(always)]
    pub(super) fn rem(x: Lanes, y: Lanes) -> Lanes {
        x.zip(y, |x, y| x % y)
    }

    #[inline(always)]
    pub(super) fn max(x: Lanes, y: Lanes) -> Lanes {
        x.zip(y, RealField::max)
    }

    #[inline(always)]
    pub(super) fn min(x: Lanes, y: Lanes) -> Lanes {
        x.zip(y, RealField::min)
    }

    #[inline(always)]
    pub(super) fn copysign(x: Lanes, sign: Lanes) -> Lanes {
        x.zip(sign, f64::copysign)
    }
}

ad_api::scalar!(@with [self::elementary] [] Lanes);
