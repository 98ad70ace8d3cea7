//! A loop with carried state.

use ad_api::{Failure, Function, Result, Scalar, Scan};

/// The sum of the populations along a trajectory of `x' = a x - b x y`, `y' = c x y - e y`, by 1000
/// steps of the classical Runge-Kutta method. Inputs: `a, b, c, e, x(0), y(0)`.
#[derive(Debug, Clone)]
pub struct LotkaVolterra;

impl LotkaVolterra {
    /// The point of the benches.
    pub fn point() -> Vec<f64> {
        vec![1.5, 1.0, 1.0, 3.0, 1.0, 1.0]
    }

    /// The same function as a loop over its [step](RungeKutta).
    ///
    /// # Errors
    ///
    /// None: the sizes fit.
    pub fn structured() -> Result<Scan<RungeKutta>> {
        Scan::sum(RungeKutta, 2, 1000, vec![])
    }
}

/// The right-hand side for the parameters `a, b, c, e`.
#[inline]
fn slope<S: Scalar>(p: &[S], x: S, y: S) -> (S, S) {
    let meetings = x * y;
    (p[0] * x - p[1] * meetings, p[2] * meetings - p[3] * y)
}

/// The populations after a step of the classical Runge-Kutta method.
#[inline]
fn step<S: Scalar>(p: &[S], x: S, y: S) -> (S, S) {
    const H: f64 = 0.01;
    let k1 = slope(p, x, y);
    let k2 = slope(p, x + k1.0 * (H / 2.0), y + k1.1 * (H / 2.0));
    let k3 = slope(p, x + k2.0 * (H / 2.0), y + k2.1 * (H / 2.0));
    let k4 = slope(p, x + k3.0 * H, y + k3.1 * H);
    (
        x + (k1.0 + k2.0 * 2.0 + k3.0 * 2.0 + k4.0) * (H / 6.0),
        y + (k1.1 + k2.1 * 2.0 + k3.1 * 2.0 + k4.1) * (H / 6.0),
    )
}

/// One step of [`LotkaVolterra`]. Inputs: `a, b, c, e, x, y`; outputs: the next `x, y` and their sum.
#[derive(Debug, Clone)]
pub struct RungeKutta;

impl Function for RungeKutta {
    fn inputs(&self) -> usize {
        6
    }

    fn outputs(&self) -> usize {
        3
    }

    #[inline]
    fn eval<S: Scalar>(&self, p: &[S], out: &mut [S]) -> Result<(), Failure> {
        let (x, y) = step(p, p[4], p[5]);
        out[..3].copy_from_slice(&[x, y, x + y]);
        Ok(())
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
        let (mut x, mut y, mut loss) = (p[4], p[5], S::from(0.0));
        for _ in 0..1000 {
            (x, y) = step(p, x, y);
            loss += x + y;
        }
        out[0] = loss;
        Ok(())
    }
}
