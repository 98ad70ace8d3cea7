//! Powell's singular system.

use ad_api::{Failure, Function, Result, Scalar};

use super::{Problem, check_size};

/// `n/4` copies of `(x₁ + 10 x₂, √5 (x₃ - x₄), (x₂ - 2 x₃)², √10 (x₁ - x₄)²)`, whose root is 0.
/// Start `(3, -1, 0, 1)`, repeated.
///
/// The Jacobian has half its rank at the root, so that Newton's method converges linearly there: each
/// step halves the error. Problem 22 of J. J. Moré, B. S. Garbow, K. E. Hillstrom, ACM TOMS 7 (1981)
/// 17-41.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowellSingular {
    n: usize,
}

impl PowellSingular {
    /// With `n` unknowns.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`](ad_api::AdError::Setting) if `n` is 0 or no multiple of 4.
    pub fn new(n: usize) -> Result<Self> {
        check_size(n, 4, "a positive multiple of 4")?;
        Ok(PowellSingular { n })
    }
}

impl Function for PowellSingular {
    fn inputs(&self) -> usize {
        self.n
    }

    fn outputs(&self) -> usize {
        self.n
    }

    fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
        for (x, r) in x.chunks_exact(4).zip(r.chunks_exact_mut(4)) {
            r[0] = x[0] + x[1] * 10.0;
            r[1] = (x[2] - x[3]) * 5.0_f64.sqrt();
            r[2] = (x[1] - x[2] * 2.0).powi(2);
            r[3] = (x[0] - x[3]).powi(2) * 10.0_f64.sqrt();
        }
        Ok(())
    }
}

impl Problem for PowellSingular {
    fn start(&self) -> Vec<f64> {
        (0..self.n).map(|k| [3.0, -1.0, 0.0, 1.0][k % 4]).collect()
    }
}
