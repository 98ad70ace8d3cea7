//! A loop with carried state.

use ad_api::{Failure, Function, Scalar};

/// The sum of the populations along a trajectory of `x' = a x - b x y`, `y' = c x y - e y`, by 1000
/// steps of the classical Runge-Kutta method. Inputs: `a, b, c, e, x(0), y(0)`.
#[derive(Debug, Clone)]
pub struct LotkaVolterra;

impl LotkaVolterra {
    /// The point of the benches.
    pub fn point() -> Vec<f64> {
        vec![1.5, 1.0, 1.0, 3.0, 1.0, 1.0]
    }
}

impl Function for LotkaVolterra {
    fn inputs(&self) -> usize {
        6
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, p: &[S], out: &mut [S]) -> Result<(), Failure> {
        const H: f64 = 0.01;
        let slope = |x: S, y: S| {
            let meetings = x * y;
            (p[0] * x - p[1] * meetings, p[2] * meetings - p[3] * y)
        };
        let (mut x, mut y, mut loss) = (p[4], p[5], S::from(0.0));
        for _ in 0..1000 {
            let k1 = slope(x, y);
            let k2 = slope(x + k1.0 * (H / 2.0), y + k1.1 * (H / 2.0));
            let k3 = slope(x + k2.0 * (H / 2.0), y + k2.1 * (H / 2.0));
            let k4 = slope(x + k3.0 * H, y + k3.1 * H);
            x += (k1.0 + k2.0 * 2.0 + k3.0 * 2.0 + k4.0) * (H / 6.0);
            y += (k1.1 + k2.1 * 2.0 + k3.1 * 2.0 + k4.1) * (H / 6.0);
            loss += x + y;
        }
        out[0] = loss;
        Ok(())
    }
}
