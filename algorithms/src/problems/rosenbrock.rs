//! The Rosenbrock system.

use ad_api::array::{Array, ArrayFunction, Dims, Tensor};
use ad_api::{Failure, Result};

use super::{Problem, check_size};

/// `n/2` copies of `(10 (x₂ - x₁²), 1 - x₁)`, whose root is 1. Start `(-1.2, 1)`, repeated.
///
/// Problem 21 of J. J. Moré, B. S. Garbow, K. E. Hillstrom, ACM TOMS 7 (1981) 17-41.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rosenbrock {
    n: usize,
}

impl Rosenbrock {
    /// With `n` unknowns.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`](ad_api::AdError::Setting) if `n` is 0 or odd.
    pub fn new(n: usize) -> Result<Self> {
        check_size(n, 2, "a positive even number of unknowns")?;
        Ok(Rosenbrock { n })
    }
}

impl ArrayFunction for Rosenbrock {
    fn inputs(&self) -> Vec<Dims> {
        vec![[self.n / 2, 2].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        ArrayFunction::inputs(self)
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let [x, y] = [0, 1].map(|k| x[0].slice_axis(1, k..k + 1));
        Ok(vec![Array::concat(&[(y - x.square()) * 10.0, 1.0 - x], 1)])
    }
}

impl Problem for Rosenbrock {
    fn start(&self) -> Vec<f64> {
        (0..self.n).map(|k| if k.is_multiple_of(2) { -1.2 } else { 1.0 }).collect()
    }
}
