//! The discrete boundary value problem.

use ad_api::{Failure, Function, Result, Scalar};

use super::grid::neighbours;
use super::{Problem, check_size};

/// `u'' = (u + t + 1)³/2` on the unit interval, zero at its ends: `n` interior points `tᵢ = i h`,
/// central differences, residuals times `-h²`. Start `tᵢ (tᵢ - 1)`.
///
/// Problem 28 of J. J. Moré, B. S. Garbow, K. E. Hillstrom, ACM TOMS 7 (1981) 17-41.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiscreteBoundaryValue {
    n: usize,
}

impl DiscreteBoundaryValue {
    /// With `n` interior points.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`](ad_api::AdError::Setting) if `n` is 0.
    pub fn new(n: usize) -> Result<Self> {
        check_size(n, 1, "at least one point")?;
        Ok(DiscreteBoundaryValue { n })
    }

    fn t(self, k: usize) -> f64 {
        (k + 1) as f64 / (self.n + 1) as f64
    }
}

impl Function for DiscreteBoundaryValue {
    fn inputs(&self) -> usize {
        self.n
    }

    fn outputs(&self) -> usize {
        self.n
    }

    fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
        let weight = 0.5 / ((self.n + 1) as f64).powi(2);
        for (k, r) in r.iter_mut().enumerate() {
            let (left, right) = neighbours(x, k);
            *r = x[k] * 2.0 - left - right + (x[k] + self.t(k) + 1.0).powi(3) * weight;
        }
        Ok(())
    }
}

impl Problem for DiscreteBoundaryValue {
    fn start(&self) -> Vec<f64> {
        (0..self.n).map(|k| self.t(k) * (self.t(k) - 1.0)).collect()
    }
}
