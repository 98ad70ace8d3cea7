//! The Bratu problem: a solid fuel at the verge of ignition.

use ad_api::array::{Array, ArrayFunction, Dims, Tensor};
use ad_api::{Failure, Result};

use super::grid::{Neighbours, Star};
use super::{Problem, check_finite, check_size};

/// `-u'' = λ exp(u)` on the unit interval, zero at its ends: `n` interior points, central
/// differences, residuals times `h²` with `h = 1/(n + 1)`.
///
/// There are two solutions for `λ` below 3.513830719, where they meet in a fold. Start `u = 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bratu1d {
    n: usize,
    lambda: f64,
}

impl Bratu1d {
    /// With `n` interior points.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`](ad_api::AdError::Setting) if `n` is 0 or `lambda` not finite.
    pub fn new(n: usize, lambda: f64) -> Result<Self> {
        check_size(n, 1, "at least one point")?;
        check_finite("lambda", lambda)?;
        Ok(Bratu1d { n, lambda })
    }
}

impl ArrayFunction for Bratu1d {
    fn inputs(&self) -> Vec<Dims> {
        vec![[self.n].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        ArrayFunction::inputs(self)
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let u = &x[0];
        let source = self.lambda / ((self.n + 1) as f64).powi(2);
        let Neighbours { left, right } = Neighbours::of(u);
        Ok(vec![left + right - u * 2.0 + u.exp() * source])
    }
}

impl Problem for Bratu1d {
    fn start(&self) -> Vec<f64> {
        vec![0.0; self.n]
    }
}

/// `-Δu = λ exp(u)` on the unit square, zero at its boundary: `n × n` interior points row by row,
/// the five-point stencil, residuals times `h²` with `h = 1/(n + 1)`.
///
/// There are two solutions for `λ` below about 6.808, where they meet in a fold. Start `u = 0`.
/// This is example 5 of PETSc's SNES.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bratu2d {
    n: usize,
    lambda: f64,
}

impl Bratu2d {
    /// With `n × n` interior points.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`](ad_api::AdError::Setting) if `n` is 0 or `lambda` not finite.
    pub fn new(n: usize, lambda: f64) -> Result<Self> {
        check_size(n, 1, "at least one point in each direction")?;
        check_finite("lambda", lambda)?;
        Ok(Bratu2d { n, lambda })
    }
}

impl ArrayFunction for Bratu2d {
    fn inputs(&self) -> Vec<Dims> {
        vec![[self.n, self.n].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        ArrayFunction::inputs(self)
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let u = &x[0];
        let source = self.lambda / ((self.n + 1) as f64).powi(2);
        Ok(vec![Star::of(u, self.n).laplacian(u) + u.exp() * source])
    }
}

impl Problem for Bratu2d {
    fn start(&self) -> Vec<f64> {
        vec![0.0; self.n * self.n]
    }
}
