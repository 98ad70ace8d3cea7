//! Conjugate gradients for least squares.

use super::lsmr::check_damping;
use super::{LeastSquaresOutcome, LinearMap, LinearStatus, Vector};
use crate::Result;
use crate::options::check;

/// Conjugate gradients on the normal equations of `min |A x - b|² + λ²|x|²`, without forming them.
///
/// One vector less and a little less work than [`Lsmr`](super::Lsmr), whose gradient decreases
/// monotonically where this one's only does so in the long run. Iteration starts at 0.
///
/// Source: Å. Björck, *Numerical Methods for Least Squares Problems*, SIAM, 1996, algorithm 7.4.1.
///
/// ```
/// use ad_algorithms::matrix_free::Cgls;
/// use nalgebra::{dmatrix, dvector};
///
/// // A line through three points.
/// let a = dmatrix![1.0, 0.0; 1.0, 1.0; 1.0, 2.0];
/// let fit = Cgls::default().solve(&a, &dvector![0.0, 1.0, 1.0])?;
/// assert!(fit.status.is_converged() && fit.iterations == 2);
/// assert!((fit.x - dvector![1.0 / 6.0, 0.5]).norm() < 1e-12);
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cgls {
    /// `λ`. Default 0.
    pub damping: f64,
    /// Stop when the gradient is at most this fraction of what it is at the start. Default `1e-10`.
    pub gradient_tol: f64,
    /// Stop after this many iterations. Default 1000.
    pub max_iterations: usize,
}

impl Default for Cgls {
    fn default() -> Self {
        Cgls { damping: 0.0, gradient_tol: 1e-10, max_iterations: 1000 }
    }
}

impl Cgls {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`](crate::SolveError::Option) for a setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        let tol = self.gradient_tol;
        check("gradient_tol", tol, (0.0..1.0).contains(&tol), "a number from 0 to below 1")?;
        check_damping(self.damping)
    }

    /// Solves `min |A x - b|² + λ²|x|²`.
    ///
    /// # Shapes
    ///
    /// `A: m × n`, `b: m`, the solution `n`.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`](crate::SolveError::Option), and what the products report. Stopping
    /// short is a [`LinearStatus`].
    pub fn solve<V: Vector, A: LinearMap<V>>(
        &self,
        a: &A,
        b: &V,
    ) -> Result<LeastSquaresOutcome<V>> {
        self.validate()?;
        let damping = self.damping * self.damping;
        let mut r = b.clone();
        let mut s = a.apply_transpose(&r)?;
        let mut gamma = s.dot(&s)?;
        let target = self.gradient_tol * gamma.sqrt();
        let mut x = s.zeros_like();
        let mut p = s.clone();
        let mut iterations = 0;
        let status = loop {
            if !gamma.is_finite() {
                break LinearStatus::NonFinite;
            }
            if gamma.sqrt() <= target {
                break LinearStatus::Converged;
            }
            if iterations >= self.max_iterations {
                break LinearStatus::IterationLimit;
            }
            let q = a.apply(&p)?;
            let mut curvature = q.dot(&q)?;
            if damping > 0.0 {
                curvature += damping * p.dot(&p)?;
            }
            iterations += 1;
            if curvature == 0.0 {
                // p has underflowed, or A is not the transpose of what claims to be Aᵀ.
                break LinearStatus::Breakdown;
            }
            let alpha = gamma / curvature;
            if !alpha.is_finite() || !curvature.is_finite() {
                break LinearStatus::NonFinite;
            }
            x.axpy(alpha, &p);
            r.axpy(-alpha, &q);
            s = a.apply_transpose(&r)?;
            if damping > 0.0 {
                s.axpy(-damping, &x);
            }
            let previous = std::mem::replace(&mut gamma, s.dot(&s)?);
            p.axpby(1.0, &s, gamma / previous);
        };
        let residual_norm = r.norm()?.hypot(self.damping * x.norm()?);
        Ok(LeastSquaresOutcome {
            x,
            residual_norm,
            gradient_norm: gamma.sqrt(),
            status,
            iterations,
        })
    }
}
