//! How the learning rate changes.

use std::f64::consts::PI;

use crate::Result;
use crate::options::check;

/// The learning rate as a function of the number of steps taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// Always the same.
    Constant(f64),
    /// `initial · factor^(t / every)`.
    Exponential {
        /// The rate at the start.
        initial: f64,
        /// The factor, above 0 and at most 1.
        factor: f64,
        /// The number of steps that it applies to.
        every: usize,
    },
    /// From `initial` to `last` along half a cosine, then `last`.
    Cosine {
        /// The rate at the start.
        initial: f64,
        /// The rate at the end.
        last: f64,
        /// The number of steps in between.
        steps: usize,
    },
}

impl Schedule {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`](crate::SolveError::Option) for a rate that is not positive and finite,
    /// a factor outside of `(0, 1]` or an interval of no steps.
    pub fn validate(&self) -> Result<()> {
        let rate = |option, rate: f64| {
            check(option, rate, rate > 0.0 && rate < f64::INFINITY, "a finite number above 0")
        };
        let steps =
            |option, steps: usize| check(option, steps as f64, steps > 0, "at least 1 step");
        match *self {
            Schedule::Constant(constant) => rate("learning_rate", constant),
            Schedule::Exponential { initial, factor, every } => {
                rate("learning_rate.initial", initial)?;
                let fits = factor > 0.0 && factor <= 1.0;
                check("learning_rate.factor", factor, fits, "above 0, at most 1")?;
                steps("learning_rate.every", every)
            }
            Schedule::Cosine { initial, last, steps: count } => {
                rate("learning_rate.initial", initial)?;
                rate("learning_rate.last", last)?;
                steps("learning_rate.steps", count)
            }
        }
    }

    /// The rate after `t` steps.
    pub fn rate(&self, t: usize) -> f64 {
        match *self {
            Schedule::Constant(rate) => rate,
            Schedule::Exponential { initial, factor, every } => {
                initial * factor.powf(t as f64 / every as f64)
            }
            Schedule::Cosine { initial, last, steps } => {
                let fraction = t.min(steps) as f64 / steps as f64;
                last + 0.5 * (initial - last) * (1.0 + (PI * fraction).cos())
            }
        }
    }
}
