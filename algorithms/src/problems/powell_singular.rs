//! Powell's singular system.

use ad_api::array::{Array, ArrayFunction, Dims, Tensor};
use ad_api::{Failure, Result};

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

impl ArrayFunction for PowellSingular {
    fn inputs(&self) -> Vec<Dims> {
        vec![[self.n / 4, 4].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        ArrayFunction::inputs(self)
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let [a, b, c, d] = [0, 1, 2, 3].map(|k| x[0].slice_axis(1, k..k + 1));
        let residuals = [
            &a + &b * 10.0,
            (&c - &d) * 5.0_f64.sqrt(),
            (b - c * 2.0).square(),
            (a - d).square() * 10.0_f64.sqrt(),
        ];
        Ok(vec![Array::concat(&residuals, 1)])
    }
}

impl Problem for PowellSingular {
    fn start(&self) -> Vec<f64> {
        (0..self.n).map(|k| [3.0, -1.0, 0.0, 1.0][k % 4]).collect()
    }
}
