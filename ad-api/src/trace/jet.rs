//! A value with one tangent, for derivatives of what rules state.

use std::sync::Arc;

use crate::{Failure, Lift, Rule, Scalar, scratch};

/// `re + eps ε`, over any base scalar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jet<S> {
    pub(super) re: S,
    pub(super) eps: S,
}

impl<S: Scalar> Lift for Jet<S> {
    type Inner = S;

    #[inline]
    fn constant(value: S) -> Self {
        Jet { re: value, eps: S::from(0.0) }
    }

    #[inline]
    fn inner(self) -> S {
        self.re
    }

    #[inline]
    fn is_constant(self) -> bool {
        self.eps.vanishes()
    }

    #[inline]
    fn lift_unary(self, value: S, d: S) -> Self {
        Jet { re: value, eps: d.strong_mul(self.eps) }
    }

    #[inline]
    fn lift_binary(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        Jet { re: value, eps: d_self.strong_mul(self.eps) + d_rhs.strong_mul(rhs.eps) }
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        scratch::with(2 * (x.len() + y.len()), |buffer: &mut [S]| {
            let (primal, rest) = buffer.split_at_mut(x.len());
            let (x_dot, rest) = rest.split_at_mut(x.len());
            let (value, y_dot) = rest.split_at_mut(y.len());
            primal.iter_mut().zip(x).for_each(|(primal, x)| *primal = x.re);
            x_dot.iter_mut().zip(x).for_each(|(x_dot, x)| *x_dot = x.eps);
            S::apply_rule(rule, primal, value)?;
            if !x_dot.iter().all(|x_dot| x_dot.vanishes()) {
                rule.tangent(primal, x_dot, y_dot)?;
            }
            for (y, (&re, &eps)) in y.iter_mut().zip(value.iter().zip(&*y_dot)) {
                *y = Jet { re, eps };
            }
            Ok(())
        })
    }
}
