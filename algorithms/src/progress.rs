//! What an observer sees.

use nalgebra::DVector;

use crate::Counts;

/// The state after one iteration, as an observer sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// Trial steps so far. Iteration 0 is the start, before any step.
    pub iteration: usize,
    /// Whether the last trial step was taken; `true` at the start.
    pub accepted: bool,
    /// The iterate.
    pub x: &'a DVector<f64>,
    /// The residual sum of squares `|r|²` there.
    pub rss: f64,
    /// The cosine of the angle between `r` and the range of `J` there.
    pub cosine: f64,
    /// The length `|D p|` of the last trial step, in units of the residuals.
    pub step: f64,
    /// The damping of that step: the Levenberg-Marquardt parameter `λ`, or for a line search the
    /// fraction of the step that was left out.
    pub damping: f64,
    /// Work done so far.
    pub counts: Counts,
}
