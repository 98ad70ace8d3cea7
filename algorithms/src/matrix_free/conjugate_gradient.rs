//! Conjugate gradients.

use super::linear_stop::LinearStop;
use super::{LinearMap, LinearOutcome, LinearStatus, Preconditioner, Vector};
use crate::{Result, SolveError};

/// Conjugate gradients for `A x = b` with `A` symmetric and positive definite, preconditioned.
///
/// Where `A` turns out not to be positive definite, the iteration ends with the iterate so far and
/// the direction of [negative curvature](LinearOutcome::negative_curvature), which is what a
/// truncated Newton method wants. Iteration starts at 0; each takes one product and one application
/// of `M⁻¹`.
///
/// Source: M. R. Hestenes, E. Stiefel, *Methods of conjugate gradients for solving linear systems*,
/// J. Res. NBS 49 (1952) 409-436; J. Nocedal, S. J. Wright, *Numerical Optimization*, 2nd ed.,
/// Springer, 2006, algorithms 5.3 and 7.1.
///
/// ```
/// use ad_algorithms::matrix_free::{ConjugateGradient, Identity, LinearStatus};
/// use nalgebra::{dmatrix, dvector};
///
/// let cg = ConjugateGradient::default();
/// let outcome = cg.solve(&dmatrix![2.0, 1.0; 1.0, 3.0], &dvector![3.0, 4.0], &Identity)?;
/// assert!(outcome.status.is_converged() && outcome.iterations == 2);
/// assert!((outcome.x - dvector![1.0, 1.0]).norm() < 1e-14);
///
/// let saddle = cg.solve(&dmatrix![1.0, 0.0; 0.0, -2.0], &dvector![1.0, 1.0], &Identity)?;
/// assert_eq!(saddle.status, LinearStatus::NegativeCurvature);
/// assert_eq!(saddle.negative_curvature, Some(dvector![1.0, 1.0]));
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ConjugateGradient {
    /// When to stop.
    pub stop: LinearStop,
}

impl ConjugateGradient {
    /// Solves `A x = b`.
    ///
    /// # Shapes
    ///
    /// `A: n × n`, `b: n`.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`], [`SolveError::NotSquare`], and what the products report. Stopping
    /// short is a [`LinearStatus`].
    pub fn solve<V: Vector, A: LinearMap<V>, M: Preconditioner<V>>(
        &self,
        a: &A,
        b: &V,
        m: &M,
    ) -> Result<LinearOutcome<V>> {
        self.stop.validate()?;
        let norm = b.norm()?;
        let target = self.stop.target(norm);
        let mut outcome = LinearOutcome::start(b, norm);
        if let Some(status) = LinearStop::at_start(norm, target) {
            outcome.status = status;
            return Ok(outcome);
        }
        let mut r = b.clone();
        let z = m.apply(&r)?;
        let mut rho = r.dot(&z)?;
        let mut p = z;
        let mut verified = f64::INFINITY;
        while outcome.iterations < self.stop.max_iterations {
            outcome.iterations += 1;
            let q = a.apply(&p)?;
            if q.len() != b.len() {
                let (unknowns, residuals) = (b.len(), q.len());
                return Err(SolveError::NotSquare { unknowns, residuals });
            }
            let curvature = p.dot(&q)?;
            if !(curvature.is_finite() && rho.is_finite()) {
                outcome.status = LinearStatus::NonFinite;
                return Ok(outcome);
            }
            if curvature <= 0.0 {
                outcome.status = LinearStatus::NegativeCurvature;
                outcome.negative_curvature = Some(p);
                return Ok(outcome);
            }
            if rho <= 0.0 {
                // The preconditioner is not positive definite, or all is lost in rounding.
                outcome.status = LinearStatus::Breakdown;
                return Ok(outcome);
            }
            let alpha = rho / curvature;
            outcome.x.axpy(alpha, &p);
            r.axpy(-alpha, &q);
            outcome.residual_norm = r.norm()?;
            if outcome.residual_norm <= target {
                // The recurrence may have parted from the truth: verify, and go on from there.
                r = a.apply(&outcome.x)?;
                r.axpby(1.0, b, -1.0);
                outcome.residual_norm = r.norm()?;
                if outcome.residual_norm <= target {
                    outcome.status = LinearStatus::Converged;
                    return Ok(outcome);
                }
                let now = outcome.residual_norm;
                if now.is_nan() || now >= 0.5 * verified {
                    outcome.status = LinearStatus::Stagnated;
                    return Ok(outcome);
                }
                verified = now;
                p = m.apply(&r)?;
                rho = r.dot(&p)?;
                continue;
            }
            let z = m.apply(&r)?;
            let previous = std::mem::replace(&mut rho, r.dot(&z)?);
            p.axpby(1.0, &z, rho / previous);
        }
        Ok(outcome)
    }
}
