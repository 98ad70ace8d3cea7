//! When a linear iteration stops.

use super::{LinearOutcome, LinearStatus, Vector};
use crate::Result;
use crate::options::check;

/// When an iteration for `A x = b` stops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearStop {
    /// Stop when `|b - A x|` is at most this fraction of `|b|`. Default `1e-10`.
    pub relative_tol: f64,
    /// Stop when `|b - A x|` is at most this, in the units of `b`. Default 0.
    pub absolute_tol: f64,
    /// Stop after this many iterations. Default 1000.
    pub max_iterations: usize,
}

impl Default for LinearStop {
    fn default() -> Self {
        LinearStop { relative_tol: 1e-10, absolute_tol: 0.0, max_iterations: 1000 }
    }
}

impl LinearStop {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`](crate::SolveError::Option) for a relative tolerance outside of
    /// `[0, 1)` or an absolute one that is negative or not finite.
    pub fn validate(&self) -> Result<()> {
        let (relative, absolute) = (self.relative_tol, self.absolute_tol);
        check(
            "relative_tol",
            relative,
            (0.0..1.0).contains(&relative),
            "a number from 0 to below 1",
        )?;
        check(
            "absolute_tol",
            absolute,
            (0.0..f64::INFINITY).contains(&absolute),
            "a finite number from 0",
        )
    }

    /// The residual norm to reach.
    pub(crate) fn target(&self, rhs_norm: f64) -> f64 {
        (self.relative_tol * rhs_norm).max(self.absolute_tol)
    }

    /// The status if there is nothing to iterate for.
    pub(crate) fn at_start(rhs_norm: f64, target: f64) -> Option<LinearStatus> {
        if !rhs_norm.is_finite() {
            Some(LinearStatus::NonFinite)
        } else if rhs_norm <= target {
            Some(LinearStatus::Converged)
        } else {
            None
        }
    }
}

impl<V: Vector> LinearOutcome<V> {
    /// The outcome before the first iteration, at 0.
    pub(crate) fn start(b: &V, rhs_norm: f64) -> Self {
        LinearOutcome {
            x: b.zeros_like(),
            residual_norm: rhs_norm,
            status: LinearStatus::IterationLimit,
            iterations: 0,
            negative_curvature: None,
        }
    }
}
