//! BiCGStab.

use super::linear_stop::LinearStop;
use super::{LinearMap, LinearOutcome, LinearStatus, Preconditioner, Vector};
use crate::{Result, SolveError};

/// BiCGStab for `A x = b`, preconditioned from the right.
///
/// Eight vectors are kept, whatever the number of iterations, each of which takes two products and
/// two applications of `M⁻¹`. The residual does not decrease monotonically; the best iterate is
/// kept. Where the method breaks down, and where the residual of the recurrence has parted from the
/// true one, it starts anew from the iterate; the tolerance is met only by the true residual.
/// Iteration starts at 0.
///
/// Source: H. A. van der Vorst, *Bi-CGSTAB*, SIAM J. Sci. Stat. Comput. 13 (1992) 631-644.
///
/// ```
/// use ad_algorithms::matrix_free::{BiCgStab, Identity};
/// use nalgebra::{dmatrix, dvector};
///
/// let a = dmatrix![2.0, 1.0; -1.0, 3.0];
/// let outcome = BiCgStab::default().solve(&a, &dvector![3.0, 2.0], &Identity)?;
/// assert!(outcome.status.is_converged());
/// assert!((outcome.x - dvector![1.0, 1.0]).norm() < 1e-10);
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BiCgStab {
    /// When to stop.
    pub stop: LinearStop,
}

/// A new start must find this much less than the one before to go on.
const PROGRESS: f64 = 0.5;

impl BiCgStab {
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
        let mut residual = b.clone();
        loop {
            let start = outcome.residual_norm;
            let end = self.run(a, m, &residual, target, &mut outcome)?;
            if matches!(end, LinearStatus::IterationLimit | LinearStatus::NonFinite) {
                outcome.status = end;
                return Ok(outcome);
            }
            residual = a.apply(&outcome.x)?;
            residual.axpby(1.0, b, -1.0);
            outcome.residual_norm = residual.norm()?;
            if outcome.residual_norm <= target {
                outcome.status = LinearStatus::Converged;
                return Ok(outcome);
            }
            let now = outcome.residual_norm;
            if now.is_nan() || now >= PROGRESS * start {
                outcome.status = match end {
                    LinearStatus::Converged => LinearStatus::Stagnated,
                    end => end,
                };
                return Ok(outcome);
            }
        }
    }

    /// Iterates from a residual on, until the recurrence meets the target or breaks down.
    fn run<V: Vector, A: LinearMap<V>, M: Preconditioner<V>>(
        &self,
        a: &A,
        m: &M,
        residual: &V,
        target: f64,
        best: &mut LinearOutcome<V>,
    ) -> Result<LinearStatus> {
        let shadow = residual;
        let (shadow_norm, unit) = (shadow.norm()?, shadow.unit());
        let mut x = best.x.clone();
        let mut r = residual.clone();
        let mut p = residual.clone();
        let mut rho = shadow_norm * shadow_norm;
        while best.iterations < self.stop.max_iterations {
            best.iterations += 1;
            let p_hat = m.apply(&p)?;
            let v = a.apply(&p_hat)?;
            if v.len() != r.len() {
                let (unknowns, residuals) = (r.len(), v.len());
                return Err(SolveError::NotSquare { unknowns, residuals });
            }
            let projection = shadow.dot(&v)?;
            if !projection.is_finite() {
                return Ok(LinearStatus::NonFinite);
            }
            if projection.abs() <= unit * shadow_norm * v.norm()? {
                return Ok(LinearStatus::Breakdown);
            }
            let alpha = rho / projection;
            r.axpy(-alpha, &v); // s in the paper
            x.axpy(alpha, &p_hat);
            let r_norm = r.norm()?;
            if !r_norm.is_finite() {
                return Ok(LinearStatus::NonFinite);
            }
            if r_norm <= target {
                best.keep(&x, r_norm);
                return Ok(LinearStatus::Converged);
            }
            let s_hat = m.apply(&r)?;
            let t = a.apply(&s_hat)?;
            let (t_norm, along) = (t.norm()?, t.dot(&r)?);
            if !(t_norm.is_finite() && along.is_finite()) {
                return Ok(LinearStatus::NonFinite);
            }
            if along.abs() <= unit * t_norm * r_norm {
                best.keep(&x, r_norm);
                return Ok(LinearStatus::Breakdown);
            }
            let omega = along / (t_norm * t_norm);
            x.axpy(omega, &s_hat);
            r.axpy(-omega, &t);
            let r_norm = r.norm()?;
            if !r_norm.is_finite() {
                return Ok(LinearStatus::NonFinite);
            }
            best.keep(&x, r_norm);
            if r_norm <= target {
                return Ok(LinearStatus::Converged);
            }
            let previous = std::mem::replace(&mut rho, shadow.dot(&r)?);
            if rho.abs() <= unit * shadow_norm * r_norm {
                return Ok(LinearStatus::Breakdown);
            }
            // p ← r + β (p - ω v)
            p.axpy(-omega, &v);
            p.axpby(1.0, &r, rho / previous * (alpha / omega));
        }
        Ok(LinearStatus::IterationLimit)
    }
}

impl<V: Vector> LinearOutcome<V> {
    /// Takes `x` if its residual is less.
    fn keep(&mut self, x: &V, residual_norm: f64) {
        if residual_norm < self.residual_norm {
            self.x = x.clone();
            self.residual_norm = residual_norm;
        }
    }
}
