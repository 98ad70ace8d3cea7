//! The discrete boundary value problem.

use ad_api::array::{Array, ArrayFunction, Constant, Dims, Tensor};
use ad_api::{Failure, Result};

use super::grid::Neighbours;
use super::{Problem, check_size};

/// `u'' = (u + t + 1)³/2` on the unit interval, zero at its ends: `n` interior points `tᵢ = i h`,
/// central differences, residuals times `-h²`. Start `tᵢ (tᵢ - 1)`.
///
/// Problem 28 of J. J. Moré, B. S. Garbow, K. E. Hillstrom, ACM TOMS 7 (1981) 17-41.
#[derive(Debug, Clone)]
pub struct DiscreteBoundaryValue {
    t: Constant,
}

impl DiscreteBoundaryValue {
    /// With `n` interior points.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`](ad_api::AdError::Setting) if `n` is 0.
    pub fn new(n: usize) -> Result<Self> {
        check_size(n, 1, "at least one point")?;
        let t = (0..n).map(|k| (k + 1) as f64 / (n + 1) as f64);
        Ok(DiscreteBoundaryValue { t: Constant::new([n], t.collect())? })
    }
}

impl ArrayFunction for DiscreteBoundaryValue {
    fn inputs(&self) -> Vec<Dims> {
        vec![self.t.dims()]
    }

    fn outputs(&self) -> Vec<Dims> {
        ArrayFunction::inputs(self)
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let x = &x[0];
        let weight = 0.5 / ((x.count() + 1) as f64).powi(2);
        let Neighbours { left, right } = Neighbours::of(x);
        let cubes = (x + self.t.beside(x) + 1.0).powi(3);
        Ok(vec![x * 2.0 - left - right + cubes * weight])
    }
}

impl Problem for DiscreteBoundaryValue {
    fn start(&self) -> Vec<f64> {
        self.t.entries().iter().map(|t| t * (t - 1.0)).collect()
    }
}
