//! Derivatives of array programs by a number with one tangent, on host arrays.

use std::sync::Arc;

use ad_api::array::Flat;
use ad_api::{AdError, Failure, Function, Lift, Result, Rule, Scalar};

use super::Steps;

/// A value and one tangent.
#[derive(Debug, Clone, Copy)]
struct Number<S> {
    re: S,
    eps: S,
}

impl<S: Scalar> Lift for Number<S> {
    type Inner = S;

    fn constant(value: S) -> Self {
        Number { re: value, eps: S::from(0.0) }
    }

    fn inner(self) -> S {
        self.re
    }

    fn is_constant(self) -> bool {
        self.eps.vanishes()
    }

    fn lift_unary(self, value: S, d: S) -> Self {
        Number { re: value, eps: d.strong_mul(self.eps) }
    }

    fn lift_binary(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        Number { re: value, eps: d_self.strong_mul(self.eps) + d_rhs.strong_mul(rhs.eps) }
    }

    fn lift_rule<R: Rule>(_: &Arc<R>, _: &[Self], _: &mut [Self]) -> Result<(), Failure> {
        let reason = "array programs of the suite consist of operations".into();
        Err(AdError::Rule { rule: std::any::type_name::<R>(), reason }.into())
    }
}

ad_api::scalar!([S: Scalar] Number<S>);

/// Entries of several arrays, one array after another.
pub(super) type Entries = Vec<f64>;

/// `f(x)`.
pub(super) fn value(f: &Steps, x: &[f64]) -> Result<Entries> {
    eval(f, x)
}

fn eval<S: Scalar>(f: &Steps, x: &[S]) -> Result<Vec<S>> {
    let f = Flat::new(f.clone());
    let mut y = vec![S::from(0.0); f.outputs()];
    f.eval(x, &mut y)?;
    Ok(y)
}

/// `J(x) v`.
pub(super) fn pushforward(f: &Steps, x: &[f64], v: &[f64]) -> Result<Entries> {
    let x: Vec<_> = x.iter().zip(v).map(|(&re, &eps)| Number { re, eps }).collect();
    Ok(eval(f, &x)?.into_iter().map(|y| y.eps).collect())
}

/// `J(x)ᵀ w`, by columns of `J`.
pub(super) fn pullback(f: &Steps, x: &[f64], w: &[f64]) -> Result<Entries> {
    (0..x.len()).map(|k| Ok(weighted(w, &pushforward(f, x, &unit(x.len(), k))?))).collect()
}

/// `∇²(w·f)(x) v`.
pub(super) fn hvp(f: &Steps, x: &[f64], w: &[f64], v: &[f64]) -> Result<Entries> {
    let entry = |k: usize| {
        let e = unit(x.len(), k);
        let numbers = (0..x.len())
            .map(|i| Number { re: Number { re: x[i], eps: e[i] }, eps: Number::constant(v[i]) });
        let y = eval(f, &numbers.collect::<Vec<_>>())?;
        Ok(weighted(w, &y.into_iter().map(|y| y.eps.eps).collect::<Vec<_>>()))
    };
    (0..x.len()).map(entry).collect()
}

pub(super) fn unit(len: usize, k: usize) -> Vec<f64> {
    (0..len).map(|i| f64::from(u8::from(i == k))).collect()
}

fn weighted(w: &[f64], column: &[f64]) -> f64 {
    w.iter().zip(column).map(|(w, d)| w.strong_mul(*d)).sum()
}
