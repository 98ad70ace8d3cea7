//! Finite differences with the five-point stencil, three times: each engine defines one primitive.

use ad_api::{
    Accuracy, Engine, Evaluations, Function, Jacobian, Pullback, Pushforward, Result, Scalar,
    Shape, check_jacobian, check_pullback, check_pushforward,
};

/// `f(x)` and `J(x) v`, with weights of fourth order: `(f₋₂ - 8 f₋₁ + 8 f₁ - f₂) / 12 h`.
fn directional<S: Scalar, F: Function>(
    f: &F,
    x: &[S],
    v: &[S],
    y: &mut [S],
    y_dot: &mut [S],
) -> Result<()> {
    // Noise `ε |f| / h` and truncation `h⁴ |f⁽⁵⁾|` balance at `h = ε^(1/5)`.
    let length = v.iter().map(|v| v.primal().abs()).fold(0.0, f64::max);
    let h = f.precision().powf(0.2) / 3.0 / if length == 0.0 { 1.0 } else { length };
    f.eval(x, y)?;
    y_dot.fill(S::from(0.0));
    let (mut point, mut ahead, mut behind) = (x.to_vec(), y.to_vec(), y.to_vec());
    for (steps, weight) in [(1.0, 8.0), (2.0, -1.0)] {
        for (sign, value) in [(1.0, &mut ahead), (-1.0, &mut behind)] {
            for ((point, &x), &v) in point.iter_mut().zip(x).zip(v) {
                *point = x + v * (sign * steps * h);
            }
            f.eval(&point, value)?;
        }
        for (d, (&ahead, &behind)) in y_dot.iter_mut().zip(ahead.iter().zip(&behind)) {
            *d += (ahead - behind) * (weight / 12.0 / h);
        }
    }
    Ok(())
}

/// Writes an engine whose sweeps take five evaluations for each direction.
macro_rules! engine {
    ($Name:ident, $name:literal) => {
        #[derive(Debug, Clone, Default)]
        pub struct $Name;

        impl Engine for $Name {
            fn name(&self) -> String {
                $name.into()
            }
            fn accuracy(&self) -> Accuracy {
                Accuracy::Approximate { relative: 1e-11 }
            }
            fn sweeps(&self, _shape: Shape, seeds: usize) -> Evaluations {
                Evaluations::Exactly(5 * seeds)
            }
        }
    };
}

engine!(OnlyPushforward, "toy-pushforward");
engine!(OnlyPullback, "toy-pullback");
engine!(OnlyJacobian, "toy-jacobian");

impl Pushforward for OnlyPushforward {
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
            directional(f, x, v, y, out)?;
        }
        Ok(())
    }
}

impl Pullback for OnlyPullback {
    fn pullback_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_pullback(f, x, y_bar, y, x_bar)? else { return Ok(()) };
        let (n, m) = (x.len(), y.len());
        for (w, out) in y_bar.chunks(m).zip(x_bar.chunks_mut(n)) {
            for (j, out) in out.iter_mut().enumerate() {
                let column = &mut vec![S::from(0.0); m];
                directional(f, x, &unit(n, j), y, column)?;
                *out = w.iter().zip(&*column).map(|(&w, &d)| w * d).sum();
            }
        }
        Ok(())
    }

    fn pullback_capability(&self, shape: Shape, cotangents: usize) -> ad_api::Capability {
        let evaluations = Evaluations::Exactly(5 * shape.inputs * cotangents);
        ad_api::Capability::Native { evaluations }
    }
}

impl Jacobian for OnlyJacobian {
    fn jacobian_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        let Some(Shape { inputs: n, outputs: m }) = check_jacobian(f, x, y, jacobian)? else {
            return Ok(());
        };
        for (j, column) in jacobian.chunks_mut(m).enumerate() {
            directional(f, x, &unit(n, j), y, column)?;
        }
        Ok(())
    }
}

fn unit<S: Scalar>(n: usize, j: usize) -> Vec<S> {
    (0..n).map(|i| S::from(f64::from(u8::from(i == j)))).collect()
}

ad_api::backend!(OnlyPushforward: pushforward);
ad_api::backend!(OnlyPullback: pullback);
ad_api::backend!(OnlyJacobian: jacobian);
