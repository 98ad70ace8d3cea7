//! Why a solver could not start.

use ad_api::AdError;

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
