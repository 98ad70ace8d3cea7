//! Why a solver could not start.

use ad_api::AdError;

use crate::matrix_free::Vector;

/// The result of a solver.
pub type Result<T, E = SolveError> = std::result::Result<T, E>;

/// Why a solver could not start. Stopping short of a solution is no error: see
/// [`Status`](crate::Status).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// The residuals or their derivatives could not be computed at the start, or the start has the
    /// wrong length.
    #[error(transparent)]
    Ad(#[from] AdError),
    /// There is nothing to fit.
    #[error(
        "the problem has {parameters} parameters and {residuals} residuals, expected some of each"
    )]
    Empty {
        /// The number `n` of parameters.
        parameters: usize,
        /// The number `m` of residuals.
        residuals: usize,
    },
    /// There are fewer residuals than parameters.
    #[error(
        "{residuals} residuals cannot determine {parameters} parameters, expected at least as many \
         residuals as parameters"
    )]
    Underdetermined {
        /// The number `n` of parameters.
        parameters: usize,
        /// The number `m` of residuals.
        residuals: usize,
    },
    /// An entry of the start is infinite or NaN.
    #[error("`x0[{index}]` is {value}, expected a finite number")]
    NonFiniteStart {
        /// The entry, counted from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// The residuals at the start are infinite or NaN, or the sum of their squares overflows.
    #[error(
        "residual {index} is {value:e} at the start, expected finite residuals whose squares can \
         be summed"
    )]
    NonFiniteResidual {
        /// The residual, counted from 0: the first that is not finite, or the largest.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// There are not as many equations as unknowns.
    #[error("{residuals} equations in {unknowns} unknowns, expected as many equations as unknowns")]
    NotSquare {
        /// The number of unknowns.
        unknowns: usize,
        /// The number of equations.
        residuals: usize,
    },
    /// A vector is infinite or NaN where the iteration should start, or its norm overflows.
    #[error("the norm of {what} is {value}, expected a finite number")]
    NonFiniteNorm {
        /// The vector, in words.
        what: &'static str,
        /// Its norm.
        value: f64,
    },
    /// A derivative at the start is infinite or NaN.
    #[error(
        "the derivative of residual {residual} with respect to parameter {parameter} is {value:e} \
         at the start, expected a finite number"
    )]
    NonFiniteJacobian {
        /// The residual, counted from 0.
        residual: usize,
        /// The parameter, counted from 0.
        parameter: usize,
        /// The derivative.
        value: f64,
    },
    /// An option has a value that makes no sense.
    #[error("option `{option}` is {value}, expected {expected}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        value: f64,
        /// What would be accepted.
        expected: &'static str,
    },
}

impl SolveError {
    /// The norm of the start, if there is anything in it and all of that is finite.
    pub(crate) fn check_start<V: Vector>(x0: &V) -> Result<f64> {
        if x0.is_empty() {
            return Err(SolveError::Empty { parameters: 0, residuals: 0 });
        }
        Self::check_norm("the start", x0)
    }

    /// The norm of `v`, if it is finite.
    pub(crate) fn check_norm<V: Vector>(what: &'static str, v: &V) -> Result<f64> {
        let value = v.norm()?;
        if value.is_finite() { Ok(value) } else { Err(SolveError::NonFiniteNorm { what, value }) }
    }
}
