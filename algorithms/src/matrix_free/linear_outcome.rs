//! Where a linear solver ended, and why.

use std::fmt;

/// Where the solution of `A x = b` ended, and why.
#[derive(Debug, Clone)]
#[must_use]
pub struct LinearOutcome<V> {
    /// The iterate of least residual, whatever the status.
    pub x: V,
    /// The norm `|b - A x|`: as the recurrence gives it, unless rounding could make that differ
    /// from the true one, which is computed then.
    pub residual_norm: f64,
    /// Why it ended.
    pub status: LinearStatus,
    /// Linear iterations.
    pub iterations: usize,
    /// A direction `p` with `pᵀA p ≤ 0`, where conjugate gradients met one.
    pub negative_curvature: Option<V>,
}

/// Where the solution of `min |A x - b|² + λ²|x|²` ended, and why.
#[derive(Debug, Clone)]
#[must_use]
pub struct LeastSquaresOutcome<V> {
    /// The last iterate.
    pub x: V,
    /// `√(|b - A x|² + λ²|x|²)`, as the recurrence gives it.
    pub residual_norm: f64,
    /// `|Aᵀ(b - A x) - λ² x|`, half the norm of the gradient.
    pub gradient_norm: f64,
    /// Why it ended.
    pub status: LinearStatus,
    /// Linear iterations, each with one product with `A` and one with `Aᵀ`.
    pub iterations: usize,
}

/// Why a linear iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinearStatus {
    /// Converged: the tolerance is met.
    Converged,
    /// Not converged: iteration limit reached.
    IterationLimit,
    /// Not converged: the method has broken down, as `A` is singular or (BiCGStab) by chance.
    Breakdown,
    /// Not converged: rounding, or a Krylov space too small, prevents further progress.
    Stagnated,
    /// Not converged: `A` is not positive definite (conjugate gradients).
    NegativeCurvature,
    /// Not converged: the estimate of the condition number exceeds its limit (LSMR).
    IllConditioned,
    /// Not converged: a product or the right side is infinite or NaN.
    NonFinite,
}

impl LinearStatus {
    /// Whether the tolerance is met.
    pub fn is_converged(self) -> bool {
        self == LinearStatus::Converged
    }
}

impl fmt::Display for LinearStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinearStatus::Converged => "converged",
            LinearStatus::IterationLimit => "not converged: iteration limit reached",
            LinearStatus::Breakdown => "not converged: breakdown",
            LinearStatus::Stagnated => "not converged: no further progress",
            LinearStatus::NegativeCurvature => "not converged: negative curvature",
            LinearStatus::IllConditioned => "not converged: too ill-conditioned",
            LinearStatus::NonFinite => "not converged: a product is not finite",
        })
    }
}
