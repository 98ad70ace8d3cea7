//! Where an iteration ended, and why.

use std::fmt;

use ad_api::AdError;
use nalgebra::{DMatrix, DVector};

/// Where the iteration ended, and why.
#[derive(Debug, Clone)]
#[must_use]
pub struct Outcome {
    /// The iterate of least cost, up to rounding, whatever the status.
    pub x: DVector<f64>,
    /// The residuals there.
    pub residuals: DVector<f64>,
    /// Their Jacobian there, `m × n`.
    pub jacobian: DMatrix<f64>,
    /// The residual sum of squares `|r|²`, without a factor ½.
    pub rss: f64,
    /// The cosine of the angle between `r` and the range of `J`. It vanishes at a stationary point
    /// that is no exact fit, if `J` has full rank there.
    pub cosine: f64,
    /// The largest cosine of the angle between `r` and a column of `J`. It vanishes at every
    /// stationary point that is no exact fit.
    pub column_cosine: f64,
    /// The numerical rank of `J` with its columns scaled to length 1. Below the number of
    /// parameters, the data do not determine all of them there, whatever the status: the fit may
    /// have run to where the residuals do not depend on some parameter any more.
    pub rank: usize,
    /// Why it ended.
    pub status: Status,
    /// Trial steps, accepted or not.
    pub iterations: usize,
    /// Work done.
    pub counts: Counts,
    /// The last failure of the residuals or their derivatives at a trial point, if any. Such a
    /// point is rejected like one where they are not finite.
    pub failure: Option<AdError>,
}

/// Work done, in calls of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Evaluations of the residuals alone.
    pub residuals: usize,
    /// Evaluations of residuals and Jacobian together.
    pub jacobians: usize,
    /// Linear least-squares problems solved.
    pub linear_solves: usize,
    /// Trial points that were rejected.
    pub rejected: usize,
    /// Those of them where the residuals or their derivatives failed or were not finite.
    pub invalid: usize,
}

impl Counts {
    /// Evaluations of the residuals, alone or with the Jacobian.
    pub fn evaluations(&self) -> usize {
        self.residuals + self.jacobians
    }
}

/// Why an iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Converged: the residuals are orthogonal to the range of `J`, within
    /// [`cosine_tol`](crate::Options::cosine_tol).
    SmallGradient,
    /// Converged: the cost hardly decreases, as predicted
    /// ([`decrease_tol`](crate::Options::decrease_tol)).
    SmallDecrease,
    /// Converged: the step is negligible ([`step_tol`](crate::Options::step_tol)), and not for
    /// having been cut short.
    SmallStep,
    /// Converged: all residuals are zero, or so small that their squares are.
    ZeroResidual,
    /// Converged: the decrease that the linear model promises is below the rounding of the cost,
    /// and the last step did not bring the gradient down.
    RoundingLimit,
    /// Not converged: [`max_iterations`](crate::Options::max_iterations) reached.
    IterationLimit,
    /// Not converged: [`max_evaluations`](crate::Options::max_evaluations) reached.
    EvaluationLimit,
    /// Not converged: `J` has lost rank and the method was told to stop there.
    RankDeficient,
    /// Not converged: the linear model promises a decrease that not even the shortest step
    /// delivers. The derivatives are wrong, the residuals jump or are not finite close by, or (with
    /// a line search) `J` is close to singular.
    Stalled,
    /// Not converged: the iterates run to infinity ([`max_growth`](crate::Options::max_growth)).
    Diverged,
    /// Not converged: the observer asked to stop.
    StoppedByObserver,
}

impl Status {
    /// Whether the iteration ended in a stationary point of the cost. (That may be a local
    /// minimum.)
    pub fn is_converged(self) -> bool {
        matches!(
            self,
            Status::SmallGradient
                | Status::SmallDecrease
                | Status::SmallStep
                | Status::ZeroResidual
                | Status::RoundingLimit
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::SmallGradient => "converged: the gradient is negligible",
            Status::SmallDecrease => "converged: the cost hardly decreases",
            Status::SmallStep => "converged: the step is negligible",
            Status::ZeroResidual => "converged: all residuals are zero",
            Status::RoundingLimit => "converged: as far as rounding allows",
            Status::IterationLimit => "not converged: iteration limit reached",
            Status::EvaluationLimit => "not converged: evaluation limit reached",
            Status::RankDeficient => "not converged: the Jacobian is rank deficient",
            Status::Stalled => "not converged: stalled, no step decreases the cost as predicted",
            Status::Diverged => "not converged: the parameters run to infinity",
            Status::StoppedByObserver => "not converged: stopped by the observer",
        })
    }
}
