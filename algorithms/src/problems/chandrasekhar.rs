//! Chandrasekhar's H equation.

use ad_api::array::{Array, ArrayFunction, Constant, Dims, Tensor};
use ad_api::{Failure, Result};

use super::{Problem, check_finite, check_size};

/// `H(μ) = 1 / (1 - c/2 ∫₀¹ μ H(ν)/(μ + ν) dν)` from radiative transfer, at the `n` nodes of the
/// midpoint rule. Start `H = 1`.
///
/// There are two solutions for `c` below 1, where they meet in a fold. C. T. Kelley, *Solving
/// Nonlinear Equations with Newton's Method*, SIAM, 2003, section 5.6.
#[derive(Debug, Clone)]
pub struct ChandrasekharH {
    /// `c/(2n) μᵢ/(μᵢ + μⱼ)`.
    kernel: Constant,
}

impl ChandrasekharH {
    /// With `n` nodes and the albedo `c`.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`](ad_api::AdError::Setting) if `n` is 0 or `c` not finite.
    pub fn new(n: usize, c: f64) -> Result<Self> {
        check_size(n, 1, "at least one node")?;
        check_finite("c", c)?;
        let weight = c / (2.0 * n as f64);
        // With midpoints, μᵢ/(μᵢ + μⱼ) = (i + ½)/(i + j + 1).
        let entry = |i, j| weight * (i as f64 + 0.5) / (i + j + 1) as f64;
        let entries = (0..n).flat_map(|i| (0..n).map(move |j| entry(i, j)));
        Ok(ChandrasekharH { kernel: Constant::new([n, n], entries.collect())? })
    }
}

impl ArrayFunction for ChandrasekharH {
    fn inputs(&self) -> Vec<Dims> {
        vec![[self.kernel.dims()[0]].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        ArrayFunction::inputs(self)
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let h = &x[0];
        let integral = self.kernel.beside(h).matmul(&h.unsqueeze(1)).squeeze(1);
        Ok(vec![h - (1.0 - integral).recip()])
    }
}

impl Problem for ChandrasekharH {
    fn start(&self) -> Vec<f64> {
        vec![1.0; self.kernel.dims()[0]]
    }
}
