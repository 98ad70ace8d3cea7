//! Chandrasekhar's H equation.

use ad_api::{Failure, Function, Result, Scalar};

use super::{Problem, check_finite, check_size};

/// `H(μ) = 1 / (1 - c/2 ∫₀¹ μ H(ν)/(μ + ν) dν)` from radiative transfer, at the `n` nodes of the
/// midpoint rule. Start `H = 1`.
///
/// There are two solutions for `c` below 1, where they meet in a fold. C. T. Kelley, *Solving
/// Nonlinear Equations with Newton's Method*, SIAM, 2003, section 5.6.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChandrasekharH {
    n: usize,
    c: f64,
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
        Ok(ChandrasekharH { n, c })
    }
}

impl Function for ChandrasekharH {
    fn inputs(&self) -> usize {
        self.n
    }

    fn outputs(&self) -> usize {
        self.n
    }

    fn eval<S: Scalar>(&self, h: &[S], r: &mut [S]) -> Result<(), Failure> {
        let weight = self.c / (2.0 * self.n as f64);
        // With midpoints, μᵢ/(μᵢ + μⱼ) = (i + ½)/(i + j + 1).
        for (i, r) in r.iter_mut().enumerate() {
            let mu = i as f64 + 0.5;
            let integral: S =
                h.iter().enumerate().map(|(j, &h)| h * (mu / (i + j + 1) as f64)).sum();
            *r = h[i] - S::from(1.0) / (S::from(1.0) - integral * weight);
        }
        Ok(())
    }
}

impl Problem for ChandrasekharH {
    fn start(&self) -> Vec<f64> {
        vec![1.0; self.n]
    }
}
