//! Kelley's convection-diffusion problem.

use ad_api::array::{Array, ArrayFunction, Constant, Dims, HostTensor, Tensor};
use ad_api::{Failure, Result};

use super::grid::Star;
use super::{Problem, check_size};

/// `-Δu + 20 u (u_x + u_y) = f` on the unit square, zero at its boundary: `n × n` interior points
/// row by row, the five-point stencil and central differences. Start `u = 0`.
///
/// `f` is made by applying the discrete operator to `u* = 10 x y (1-x) (1-y) exp(x^4.5)`, which is
/// therefore the exact solution: [`answer`](Self::answer). C. T. Kelley, *Solving Nonlinear
/// Equations with Newton's Method*, SIAM, 2003, section 3.4.1.
#[derive(Debug, Clone)]
pub struct ConvectionDiffusion {
    n: usize,
    f: Constant,
}

impl ConvectionDiffusion {
    /// With `n × n` interior points.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`](ad_api::AdError::Setting) if `n` is 0.
    pub fn new(n: usize) -> Result<Self> {
        check_size(n, 1, "at least one point in each direction")?;
        let answer: Array<HostTensor<f64>> = Array::host([n, n], &answer(n))?;
        let f = operator(&answer, n).to_vec()?;
        Ok(ConvectionDiffusion { n, f: Constant::new([n, n], f)? })
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

/// The discrete operator.
fn operator<T: Tensor>(u: &Array<T>, n: usize) -> Array<T> {
    let inverse_h = (n + 1) as f64;
    let star = Star::of(u, n);
    // u_x + u_y, times 2 h
    let slope = &star.east - &star.west + &star.north - &star.south;
    u * slope * (10.0 * inverse_h) - star.laplacian(u) * (inverse_h * inverse_h)
}

impl ArrayFunction for ConvectionDiffusion {
    fn inputs(&self) -> Vec<Dims> {
        vec![[self.n, self.n].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        ArrayFunction::inputs(self)
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let u = &x[0];
        Ok(vec![operator(u, self.n) - self.f.beside(u)])
    }
}

impl Problem for ConvectionDiffusion {
    fn start(&self) -> Vec<f64> {
        vec![0.0; self.n * self.n]
    }
}
