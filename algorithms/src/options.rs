//! When to stop.

use crate::{Result, SolveError};

/// When a least-squares method stops, as in `Options { max_iterations: 20, ..Options::default() }`.
///
/// The defaults ask for all the digits that the arithmetic can give. Where
/// rounding does not let a tolerance be met, the iteration ends in
/// [`Status::RoundingLimit`](crate::Status::RoundingLimit) by itself, so that a tolerance of 0 is
/// safe: it switches that test off.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Stop when the cosine of the angle between `r` and the range of `J` is at most this.
    /// Dimensionless, default `1e-11`.
    ///
    /// A Gauss-Newton step from there moves no parameter by more than this times `√(m - n)` of its
    /// standard error: up to a factor `√((m - n)/n)` this is the relative offset of D. M. Bates,
    /// D. G. Watts, *A relative offset orthogonality convergence criterion for nonlinear least
    /// squares*, Technometrics 23 (1981) 179-183. MINPACK's `gtol` looks at the columns of `J`
    /// alone, which is weaker where these are nearly dependent. At an exact fit the angle means
    /// nothing; there the other tests stop the iteration.
    pub cosine_tol: f64,
    /// Stop when the actual and the predicted decrease of `|r|²` are both at most this fraction of
    /// `|r|²`. Dimensionless, default 0 (off). The `ftol` of MINPACK's `lmder`.
    ///
    /// The cost is flat at its minimum: a tolerance `ε` here leaves errors of `√ε` in `x`.
    pub decrease_tol: f64,
    /// Stop when a step is at most this fraction of `x`, both measured in the scaled norm `|D·|`
    /// with `Dⱼ` the largest norm that column `j` of `J` has had. Dimensionless, default `1e-15`.
    /// The `xtol` of MINPACK's `lmder`.
    pub step_tol: f64,
    /// Stop after this many iterations: trial steps, accepted or not, each with one linear solve.
    /// Default `10_000`; a curved valley (NIST's Bennett5) takes hundreds.
    pub max_iterations: usize,
    /// Stop once the residuals have been evaluated this often, alone or with the Jacobian. Default
    /// `usize::MAX`: no limit.
    pub max_evaluations: usize,
    /// Give up as diverged when an entry of `x` exceeds this times the largest entry of the start
    /// (or times 1). Default `1e20`.
    pub max_growth: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            cosine_tol: 1e-11,
            decrease_tol: 0.0,
            step_tol: 1e-15,
            max_iterations: 10_000,
            max_evaluations: usize::MAX,
            max_growth: 1e20,
        }
    }
}

impl Options {
    /// Checks that every setting makes sense.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`] for a tolerance outside of `[0, 1)` and for a growth of 1 or less.
    pub fn validate(&self) -> Result<()> {
        for (option, value) in [
            ("cosine_tol", self.cosine_tol),
            ("decrease_tol", self.decrease_tol),
            ("step_tol", self.step_tol),
        ] {
            check(option, value, (0.0..1.0).contains(&value), "a number from 0 to below 1")?;
        }
        check("max_growth", self.max_growth, self.max_growth > 1.0, "a number above 1")
    }
}

pub(crate) fn check(
    option: &'static str,
    value: f64,
    makes_sense: bool,
    expected: &'static str,
) -> Result<()> {
    if makes_sense { Ok(()) } else { Err(SolveError::Option { option, value, expected }) }
}
