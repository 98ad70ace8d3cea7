//! The Rosenbrock system.

use ad_api::{Failure, Function, Result, Scalar};

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

impl Function for Rosenbrock {
    fn inputs(&self) -> usize {
        self.n
    }

    fn outputs(&self) -> usize {
        self.n
    }

    fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
        for (x, r) in x.chunks_exact(2).zip(r.chunks_exact_mut(2)) {
            r[0] = (x[1] - x[0] * x[0]) * 10.0;
            r[1] = S::from(1.0) - x[0];
        }
        Ok(())
    }
}

impl Problem for Rosenbrock {
    fn start(&self) -> Vec<f64> {
        (0..self.n).map(|k| if k.is_multiple_of(2) { -1.2 } else { 1.0 }).collect()
    }
}
