//! Where a nonlinear iteration ended, and why.

use std::fmt;

use ad_api::AdError;

/// Where the iteration ended, and why.
#[derive(Debug, Clone)]
#[must_use]
pub struct Outcome<V> {
    /// The iterate of least residual norm, whatever the status.
    pub x: V,
    /// The residuals `F(x)` there.
    pub residuals: V,
    /// Their norm `|F(x)|`.
    pub residual_norm: f64,
    /// The norm of `JᵀF`, the gradient of `½|F|²`, at `x` if it was computed there.
    pub gradient_norm: Option<f64>,
    /// Why it ended.
    pub status: Status,
    /// Steps tried: nonlinear iterations.
    pub iterations: usize,
    /// Work done.
    pub counts: Counts,
    /// What happened, from the start on: one entry more than there were iterations, unless the last
    /// one found no step.
    pub history: Vec<Step>,
    /// The last failure of the problem, its derivatives, the preconditioner or the device, if any.
    pub failure: Option<AdError>,
}

/// One entry of the history: how an iterate was reached. The first is the start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Step {
    /// The residual norm `|F|` at the iterate.
    pub residual_norm: f64,
    /// The relative accuracy asked of the linear solver.
    pub forcing: f64,
    /// Iterations of the linear solver.
    pub linear_iterations: usize,
    /// The fraction of the step that was taken; 0 if it was rejected.
    pub step_length: f64,
    /// The Levenberg-Marquardt parameter of the step; 0 for Newton-Krylov.
    pub damping: f64,
}

/// Work done, in calls of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Evaluations of `F` alone.
    pub values: usize,
    /// Evaluations of `F` with its linearization.
    pub linearizations: usize,
    /// Products with `J`.
    pub products: usize,
    /// Products with `Jᵀ`.
    pub transposed_products: usize,
    /// Set-ups of the preconditioner.
    pub preconditioner_setups: usize,
    /// Applications of the preconditioner.
    pub preconditioner_applications: usize,
    /// Iterations of the linear solver, over all linear systems.
    pub linear_iterations: usize,
    /// Linear systems solved.
    pub linear_solves: usize,
}

/// The state after one iteration, as an observer sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Progress<'a, V> {
    /// Steps so far. Iteration 0 is the start, before any step.
    pub iteration: usize,
    /// The iterate.
    pub x: &'a V,
    /// How it was reached.
    pub step: Step,
    /// Work done so far.
    pub counts: Counts,
}

/// Why an iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Converged: the residual norm meets its tolerance.
    SmallResidual,
    /// Converged: the gradient of what is minimized meets its tolerance. That is a stationary point;
    /// for a root finder there is [`LocalMinimum`](Status::LocalMinimum) instead.
    SmallGradient,
    /// Converged: the step is negligible, and not for having been cut short.
    SmallStep,
    /// Converged: the tolerance is not met, but what is left is below what the rounding of `x`
    /// itself does.
    RoundingLimit,
    /// Not converged: iteration limit reached.
    IterationLimit,
    /// Not converged: no step decreases what is minimized as the linear model promises. The
    /// derivative is not accurate enough, or the function jumps.
    Stagnated,
    /// Not converged: what is minimized has hardly decreased over a whole window of iterations.
    Stalled,
    /// Not converged: the residual norm or the iterate grows beyond all bounds.
    Diverged,
    /// Not converged: a local minimum of the residual norm that is no root.
    LocalMinimum,
    /// Not converged: the function or its derivative fails, or is infinite or NaN, wherever the
    /// iteration goes next.
    NonFinite,
    /// Not converged: the linear solver found no direction of descent.
    LinearSolverFailed,
    /// Not converged: the observer asked to stop.
    StoppedByObserver,
}

impl Status {
    /// Whether the iteration ended in what it looked for.
    pub fn is_converged(self) -> bool {
        matches!(
            self,
            Status::SmallResidual
                | Status::SmallGradient
                | Status::SmallStep
                | Status::RoundingLimit
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::SmallResidual => "converged: the residual is small",
            Status::SmallGradient => "converged: the gradient is negligible",
            Status::SmallStep => "converged: the step is negligible",
            Status::RoundingLimit => "converged: as far as rounding allows",
            Status::IterationLimit => "not converged: iteration limit reached",
            Status::Stagnated => {
                "not converged: no step decreases the residual as the derivative promises, which \
                 is not accurate enough"
            }
            Status::Stalled => "not converged: hardly any decrease for many iterations",
            Status::Diverged => "not converged: the iterates run to infinity",
            Status::LocalMinimum => "not converged: a local minimum of the residual, not a root",
            Status::NonFinite => "not converged: the function or its derivative is not finite",
            Status::LinearSolverFailed => {
                "not converged: the linear solver found no direction of descent"
            }
            Status::StoppedByObserver => "not converged: stopped by the observer",
        })
    }
}
