//! Forward mode in its shortest form: one tangent.

use std::sync::Arc;

use ad_api::{
    Engine, Failure, Function, Lift, Pushforward, Result, Rule, Scalar, check_pushforward,
};

/// A value and one tangent.
#[derive(Debug, Clone, Copy)]
pub struct Number<S> {
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

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        let (re, eps): (Vec<S>, Vec<S>) = x.iter().map(|x| (x.re, x.eps)).unzip();
        let (mut value, mut tangent) = (vec![S::from(0.0); y.len()], vec![S::from(0.0); y.len()]);
        S::apply_rule(rule, &re, &mut value)?;
        rule.tangent(&re, &eps, &mut tangent)?;
        for ((y, &re), &eps) in y.iter_mut().zip(&value).zip(&tangent) {
            *y = Number { re, eps };
        }
        Ok(())
    }
}

ad_api::scalar!([S: Scalar] Number<S>);

/// Forward mode with one tangent per sweep.
#[derive(Debug, Clone, Default)]
pub struct ToyDual;

impl Engine for ToyDual {
    fn name(&self) -> String {
        "toy-dual".into()
    }
}

impl Pushforward for ToyDual {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
        let m = y.len();
        for (v, out) in x_dot.chunks(x.len()).zip(y_dot.chunks_mut(m)) {
            let input: Vec<_> = x.iter().zip(v).map(|(&re, &eps)| Number { re, eps }).collect();
            let mut output = vec![Number::constant(S::from(0.0)); m];
            f.eval(&input, &mut output)?;
            for (i, number) in output.iter().enumerate() {
                (y[i], out[i]) = (number.re, number.eps);
            }
        }
        Ok(())
    }
}

ad_api::backend!(ToyDual: pushforward);
