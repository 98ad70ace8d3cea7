//! Broyden's tridiagonal system.

use ad_api::{Failure, Function, Result, Scalar};

use super::grid::neighbours;
use super::{Problem, check_size};

/// `rᵢ = (3 - 2 xᵢ) xᵢ - xᵢ₋₁ - 2 xᵢ₊₁ + 1` with zeros beyond the ends. Start `-1`.
///
/// Away from the ends the solution tends to `-1/√2`. Problem 30 of J. J. Moré, B. S. Garbow, K. E.
/// Hillstrom, ACM TOMS 7 (1981) 17-41.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BroydenTridiagonal {
    n: usize,
}

impl BroydenTridiagonal {
    /// With `n` unknowns.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`](ad_api::AdError::Setting) if `n` is 0.
    pub fn new(n: usize) -> Result<Self> {
        check_size(n, 1, "at least one unknown")?;
        Ok(BroydenTridiagonal { n })
    }
}

impl Function for BroydenTridiagonal {
    fn inputs(&self) -> usize {
        self.n
    }

    fn outputs(&self) -> usize {
        self.n
    }

    fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
        for (k, r) in r.iter_mut().enumerate() {
            let (left, right) = neighbours(x, k);
            *r = (S::from(3.0) - x[k] * 2.0) * x[k] - left - right * 2.0 + 1.0;
        }
        Ok(())
    }
}

impl Problem for BroydenTridiagonal {
    fn start(&self) -> Vec<f64> {
        vec![-1.0; self.n]
    }
}
