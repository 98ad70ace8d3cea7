//! The Bratu problem: a solid fuel at the verge of ignition.

use ad_api::{Failure, Function, Result, Scalar};

use super::grid::{Star, neighbours};
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

impl Function for Bratu1d {
    fn inputs(&self) -> usize {
        self.n
    }

    fn outputs(&self) -> usize {
        self.n
    }

    fn eval<S: Scalar>(&self, u: &[S], r: &mut [S]) -> Result<(), Failure> {
        let source = self.lambda / ((self.n + 1) as f64).powi(2);
        for (k, r) in r.iter_mut().enumerate() {
            let (left, right) = neighbours(u, k);
            *r = left + right - u[k] * 2.0 + u[k].exp() * source;
        }
        Ok(())
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

impl Function for Bratu2d {
    fn inputs(&self) -> usize {
        self.n * self.n
    }

    fn outputs(&self) -> usize {
        self.n * self.n
    }

    fn eval<S: Scalar>(&self, u: &[S], r: &mut [S]) -> Result<(), Failure> {
        let source = self.lambda / ((self.n + 1) as f64).powi(2);
        for (k, r) in r.iter_mut().enumerate() {
            *r = Star::at(u, self.n, k).laplacian() + u[k].exp() * source;
        }
        Ok(())
    }
}

impl Problem for Bratu2d {
    fn start(&self) -> Vec<f64> {
        vec![0.0; self.n * self.n]
    }
}
