//! Broyden's tridiagonal system.

use ad_api::array::{Array, ArrayFunction, Dims, Tensor};
use ad_api::{Failure, Result};

use super::grid::Neighbours;
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

impl ArrayFunction for BroydenTridiagonal {
    fn inputs(&self) -> Vec<Dims> {
        vec![[self.n].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        ArrayFunction::inputs(self)
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let x = &x[0];
        let Neighbours { left, right } = Neighbours::of(x);
        Ok(vec![(3.0 - x * 2.0) * x - left - right * 2.0 + 1.0])
    }
}

impl Problem for BroydenTridiagonal {
    fn start(&self) -> Vec<f64> {
        vec![-1.0; self.n]
    }
}
