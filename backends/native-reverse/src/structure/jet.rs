//! A value with a few tangents: for loops with few inputs, and products with a Hessian.

use std::sync::Arc;

use ad_api::{Failure, Function, Lift, Rule, scratch};
use wide::f64x2;

use crate::backend::Workspace;
use crate::pool;

/// A value with `2 P` tangents that are multiplied as plain numbers: zero times infinity is NaN here,
/// so a derivative that is NaN must be computed again with more care.
///
/// PERF: pairs by type. From an array of tangents the compiler makes pairs that include the value, and
/// spends half of the time on shuffling them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jet<const P: usize> {
    pub(crate) re: f64,
    eps: [f64x2; P],
}

impl<const P: usize> Jet<P> {
    /// The input numbered `j`.
    pub(crate) fn input(re: f64, j: usize) -> Self {
        let mut eps = [f64x2::ZERO; P];
        if let Some(pair) = eps.get_mut(j / 2) {
            *pair = f64x2::from(if j.is_multiple_of(2) { [1.0, 0.0] } else { [0.0, 1.0] });
        }
        Jet { re, eps }
    }

    /// A value with its first two tangents.
    pub(crate) fn pair(re: f64, tangents: [f64; 2]) -> Self {
        let mut eps = [f64x2::ZERO; P];
        if let Some(pair) = eps.first_mut() {
            *pair = f64x2::from(tangents);
        }
        Jet { re, eps }
    }

    /// The derivative with respect to the input numbered `j`.
    pub(crate) fn tangent(&self, j: usize) -> f64 {
        self.eps[j / 2].to_array()[j % 2]
    }

    // PERF: plain loops. `array::from_fn` and zipped iterators are calls of functions.
    #[inline(always)]
    fn map(self, re: f64, d: impl Fn(f64x2) -> f64x2) -> Self {
        let mut eps = self.eps;
        for eps in &mut eps {
            *eps = d(*eps);
        }
        Jet { re, eps }
    }

    #[inline(always)]
    fn zip(self, rhs: Self, re: f64, d: impl Fn(f64x2, f64x2) -> f64x2) -> Self {
        let mut eps = self.eps;
        for (eps, &rhs) in eps.iter_mut().zip(&rhs.eps) {
            *eps = d(*eps, rhs);
        }
        Jet { re, eps }
    }
}

/// Writes the gradient of `w · f` at `x` and the products of its Hessian with up to two tangents `v` into
/// `hv`, and returns the value, or `None` if they must be computed in another way: one evaluation on a
/// tape over values with two tangents, and one reverse sweep.
pub(crate) fn hvp<F: Function>(
    f: &F,
    x: &[f64],
    (w, v): (&[f64], &[f64]),
    gradient: &mut [f64],
    hv: &mut [f64],
) -> Option<f64> {
    let (n, m) = (f.inputs(), f.outputs());
    if !super::fits((n, m), (x, w, v), (gradient, hv)) || v.len() > 2 * n {
        return None;
    }
    scratch::with(2 * (n + m), |buffer: &mut [Jet<1>]| {
        let (point, buffer) = buffer.split_at_mut(n);
        let (weights, buffer) = buffer.split_at_mut(m);
        let (value, derivative) = buffer.split_at_mut(m);
        for (j, (jet, &x)) in point.iter_mut().zip(x).enumerate() {
            *jet = Jet::pair(x, [v[j], v.get(n + j).copied().unwrap_or(0.0)]);
        }
        weights.iter_mut().zip(w).for_each(|(jet, &w)| *jet = Jet::constant(w));
        pool::with(|work: &mut Workspace<Jet<1>>| {
            work.pullback(f, point, weights, value, derivative)
        })
        .ok()?;
        let mut sum = 0.0;
        for (gradient, d) in gradient.iter_mut().zip(&*derivative) {
            *gradient = d.re;
            sum += d.re;
        }
        for (tangent, hv) in hv.chunks_exact_mut(n).enumerate() {
            for (hv, d) in hv.iter_mut().zip(&*derivative) {
                *hv = d.tangent(tangent);
                sum += *hv;
            }
        }
        // What is infinite or NaN may come from zero times infinity.
        sum.is_finite().then(|| value.iter().zip(w).map(|(y, w)| y.re * w).sum())
    })
}

impl<const P: usize> Lift for Jet<P> {
    type Inner = f64;

    #[inline(always)]
    fn constant(value: f64) -> Self {
        Jet { re: value, eps: [f64x2::ZERO; P] }
    }

    #[inline(always)]
    fn inner(self) -> f64 {
        self.re
    }

    #[inline(always)]
    fn is_constant(self) -> bool {
        self.eps.iter().all(|&eps| eps == f64x2::ZERO)
    }

    #[inline(always)]
    fn lift_detached(self) -> Self {
        Self::constant(self.re)
    }

    #[inline(always)]
    fn lift_unary(self, value: f64, d: f64) -> Self {
        let d = f64x2::splat(d);
        self.map(value, |eps| eps * d)
    }

    #[inline(always)]
    fn lift_binary(self, rhs: Self, value: f64, d_self: f64, d_rhs: f64) -> Self {
        let (d_self, d_rhs) = (f64x2::splat(d_self), f64x2::splat(d_rhs));
        self.zip(rhs, value, |a, b| d_self * a + d_rhs * b)
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        scratch::with(2 * (x.len() + y.len()), |buffer: &mut [f64]| {
            let (point, buffer) = buffer.split_at_mut(x.len());
            let (tangent, buffer) = buffer.split_at_mut(x.len());
            let (value, derivative) = buffer.split_at_mut(y.len());
            point.iter_mut().zip(x).for_each(|(point, x)| *point = x.re);
            rule.value(point, value)?;
            y.iter_mut().zip(&*value).for_each(|(y, &value)| *y = Self::constant(value));
            for j in 0..2 * P {
                tangent.iter_mut().zip(x).for_each(|(tangent, x)| *tangent = x.tangent(j));
                if tangent.iter().all(|&tangent| tangent == 0.0) {
                    continue;
                }
                rule.tangent(point, tangent, derivative)?;
                for (y, &d) in y.iter_mut().zip(&*derivative) {
                    let mut pair = y.eps[j / 2].to_array();
                    pair[j % 2] = d;
                    y.eps[j / 2] = pair.into();
                }
            }
            Ok(())
        })
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
        self.lift_unary(self.re * c, c)
    }
}

ad_api::scalar!([const P: usize] Jet<P>);
