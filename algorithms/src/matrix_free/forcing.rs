//! How accurately to solve the linear system of a Newton iteration.

use crate::Result;
use crate::options::check;

/// The forcing term `η` of an inexact Newton method: the linear residual is at most `η |F|`.
///
/// Solving far more accurately than the linear model holds is wasted work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Forcing {
    /// Choice 2 of S. C. Eisenstat, H. F. Walker, *Choosing the forcing terms in an inexact Newton
    /// method*, SIAM J. Sci. Comput. 17 (1996) 16-32: `η = γ (|F| / |F₋₁|)^α`, not less than `γ
    /// η₋₁^α` while that exceeds 0.1, and at most `max`. Convergence is of order `α`.
    EisenstatWalker {
        /// `η` of the first iteration. Default 0.5.
        initial: f64,
        /// `γ`. Default 0.9.
        gamma: f64,
        /// `α`. Default 2.
        alpha: f64,
        /// The largest `η`. Default 0.9.
        max: f64,
    },
    /// The same `η` in every iteration: convergence is linear with this factor.
    Constant(f64),
}

impl Default for Forcing {
    fn default() -> Self {
        Forcing::EisenstatWalker { initial: 0.5, gamma: 0.9, alpha: 2.0, max: 0.9 }
    }
}

/// The safeguard: a small `η` after one above the corresponding bound would be chance.
const SAFEGUARD: f64 = 0.1;

impl Forcing {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`](crate::SolveError::Option) for an `η` outside of `(0, 1)`, a `γ`
    /// outside of `(0, 1]` or an `α` outside of `(1, 2]`.
    pub fn validate(&self) -> Result<()> {
        let eta = |option, eta: f64| {
            check(option, eta, eta > 0.0 && eta < 1.0, "a number between 0 and 1")
        };
        match *self {
            Forcing::Constant(value) => eta("forcing", value),
            Forcing::EisenstatWalker { initial, gamma, alpha, max } => {
                eta("forcing.initial", initial)?;
                eta("forcing.max", max)?;
                check("forcing.gamma", gamma, gamma > 0.0 && gamma <= 1.0, "above 0, at most 1")?;
                check("forcing.alpha", alpha, alpha > 1.0 && alpha <= 2.0, "above 1, at most 2")
            }
        }
    }

    /// `η` at the residual norm `norm`; `previous` is the norm and the `η` of the iteration before.
    ///
    /// An `η` below `0.5 target / norm` would reach beyond the target, and is raised to that
    /// (C. T. Kelley, *Solving Nonlinear Equations with Newton's Method*, SIAM, 2003, section 3.2.3).
    pub(crate) fn next(&self, norm: f64, previous: Option<(f64, f64)>, target: f64) -> f64 {
        let (eta, max) = match *self {
            Forcing::Constant(eta) => (eta, eta),
            Forcing::EisenstatWalker { initial, gamma, alpha, max } => {
                let eta = previous.map_or(initial, |(previous_norm, previous_eta)| {
                    let safe = gamma * previous_eta.powf(alpha);
                    let eta = gamma * (norm / previous_norm).powf(alpha);
                    if safe > SAFEGUARD { eta.max(safe) } else { eta }
                });
                (eta, max)
            }
        };
        eta.max(0.5 * target / norm).min(max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choice_two_with_its_safeguards() {
        let forcing = Forcing::default();
        assert_eq!(forcing.next(1.0, None, 0.0), 0.5);
        // Unsafeguarded: 0.9 · 0.1² = 9e-3, since 0.9 · 0.3² = 0.081 < 0.1.
        assert!((forcing.next(0.1, Some((1.0, 0.3)), 0.0) - 9e-3).abs() < 1e-17);
        // Safeguarded: 0.9 · 0.5² = 0.225.
        assert_eq!(forcing.next(0.1, Some((1.0, 0.5)), 0.0), 0.225);
        // A residual that grew.
        assert_eq!(forcing.next(2.0, Some((1.0, 0.5)), 0.0), 0.9);
        // The last solve does not go beyond half the target, nor above the largest η.
        assert!((forcing.next(1e-5, Some((1.0, 0.1)), 1e-6) - 0.05).abs() < 1e-15);
        assert_eq!(forcing.next(1e-5, Some((1.0, 0.1)), 1e-4), 0.9);
        assert_eq!(Forcing::Constant(0.1).next(1.0, Some((1.0, 0.1)), 1.0), 0.1);
    }
}
