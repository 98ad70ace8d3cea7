//! Kelley's convection-diffusion problem.

use std::sync::Arc;

use ad_api::{Failure, Function, Result, Scalar};

use super::grid::Star;
use super::{Problem, check_size};

/// `-Δu + 20 u (u_x + u_y) = f` on the unit square, zero at its boundary: `n × n` interior points
/// row by row, the five-point stencil and central differences. Start `u = 0`.
///
/// `f` is made by applying the discrete operator to `u* = 10 x y (1-x) (1-y) exp(x^4.5)`, which is
/// therefore the exact solution: [`answer`](Self::answer). C. T. Kelley, *Solving Nonlinear
/// Equations with Newton's Method*, SIAM, 2003, section 3.4.1.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvectionDiffusion {
    n: usize,
    f: Arc<[f64]>,
}

impl ConvectionDiffusion {
    /// With `n × n` interior points.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`](ad_api::AdError::Setting) if `n` is 0.
    pub fn new(n: usize) -> Result<Self> {
        check_size(n, 1, "at least one point in each direction")?;
        let answer = answer(n);
        let f = (0..n * n).map(|k| operator(&answer, n, k)).collect();
        Ok(ConvectionDiffusion { n, f })
    }

    /// The solution `u*`.
    pub fn answer(&self) -> Vec<f64> {
        answer(self.n)
    }
}

fn answer(n: usize) -> Vec<f64> {
    let h = 1.0 / (n + 1) as f64;
    let at = |k: usize| {
        let (x, y) = ((k % n + 1) as f64 * h, (k / n + 1) as f64 * h);
        10.0 * x * y * (1.0 - x) * (1.0 - y) * x.powf(4.5).exp()
    };
    (0..n * n).map(at).collect()
}

/// The discrete operator at the point `k`.
fn operator<S: Scalar>(u: &[S], n: usize, k: usize) -> S {
    let inverse_h = (n + 1) as f64;
    let star = Star::at(u, n, k);
    // u_x + u_y, times 2 h
    let slope = star.east - star.west + star.north - star.south;
    star.centre * slope * (10.0 * inverse_h) - star.laplacian() * (inverse_h * inverse_h)
}

impl Function for ConvectionDiffusion {
    fn inputs(&self) -> usize {
        self.n * self.n
    }

    fn outputs(&self) -> usize {
        self.n * self.n
    }

    fn eval<S: Scalar>(&self, u: &[S], r: &mut [S]) -> Result<(), Failure> {
        for (k, (r, &f)) in r.iter_mut().zip(self.f.iter()).enumerate() {
            *r = operator(u, self.n, k) - f;
        }
        Ok(())
    }
}

impl Problem for ConvectionDiffusion {
    fn start(&self) -> Vec<f64> {
        vec![0.0; self.n * self.n]
    }
}
