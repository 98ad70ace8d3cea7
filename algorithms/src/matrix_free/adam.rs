//! ADAM.

use std::ops::ControlFlow;

use ad_api::AdError;

use super::{Elementwise, Objective, Schedule, Status};
use crate::options::check;
use crate::{Result, SolveError};

/// ADAM: gradient descent with each unknown scaled by the recent size of its derivative.
///
/// With bias correction, a [`Schedule`] of the learning rate, and clipping by value and by norm.
/// A gradient that is not finite is skipped: the moments do not see it, and the last step is halved,
/// so that the iteration backs out of where it came from. The best iterate is kept.
///
/// Six vectors live beside the unknowns; a step takes a dozen elementwise operations, one inner
/// product and no copy to the host.
///
/// Source: D. P. Kingma, J. Ba, *Adam: a method for stochastic optimization*, ICLR 2015,
/// arXiv:1412.6980, algorithm 1; clipping by norm: R. Pascanu, T. Mikolov, Y. Bengio, ICML 2013.
///
/// ```
/// use ad_algorithms::matrix_free::{Adam, OnHost, Schedule};
/// use ad_api::{Failure, Function, Scalar};
/// use nalgebra::dvector;
///
/// #[derive(Clone)]
/// struct Bowl;
/// impl Function for Bowl {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = x[0].powi(2) + (x[1] - 1.0).powi(2) * 100.0;
///         Ok(())
///     }
/// }
/// let adam = Adam { learning_rate: Schedule::Constant(0.1), ..Adam::default() };
/// let mut bowl = OnHost::new(ad_dual::Dual::default(), Bowl);
/// let minimum = adam.minimize(&mut bowl, &dvector![3.0, -2.0])?;
/// assert!(minimum.status.is_converged(), "{}", minimum.status);
/// assert!((minimum.x - dvector![0.0, 1.0]).norm() < 1e-6);
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Adam {
    /// The learning rate, in the units of `x`: about the largest change of an unknown in a step.
    /// Default a constant `1e-3`.
    pub learning_rate: Schedule,
    /// The decay of the first moment. Default 0.9.
    pub beta1: f64,
    /// The decay of the second moment. Default 0.999.
    pub beta2: f64,
    /// Added to the root of the second moment, in the units of the gradient. Default `1e-8`.
    pub epsilon: f64,
    /// Clip every entry of the gradient to this size. Default `None`.
    pub clip_value: Option<f64>,
    /// Scale the gradient down to this norm, after the entries have been clipped. Default `None`.
    pub clip_norm: Option<f64>,
    /// Stop when the gradient, before clipping, has at most this norm. Default `1e-8`; 0 switches
    /// the test off.
    pub gradient_tol: f64,
    /// Stop when the best value has not improved for a number of steps. Default `None`.
    pub stall: Option<StallWindow>,
    /// Stop after this many steps. Default `10_000`.
    pub max_iterations: usize,
    /// Give up after so many gradients in a row that are not finite. Default 20.
    pub max_skipped: usize,
}

/// When to give up for want of progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StallWindow {
    /// The number of steps to wait for an improvement.
    pub steps: usize,
    /// The least decrease of the best value that counts, as a fraction of its size.
    pub min_decrease: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Adam {
            learning_rate: Schedule::Constant(1e-3),
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            clip_value: None,
            clip_norm: None,
            gradient_tol: 1e-8,
            stall: None,
            max_iterations: 10_000,
            max_skipped: 20,
        }
    }
}

/// Where ADAM ended, and why.
#[derive(Debug, Clone)]
#[must_use]
pub struct AdamOutcome<V> {
    /// The iterate of least value. For a loss over random batches that is the least value seen on
    /// one of them.
    pub x: V,
    /// The value there.
    pub value: f64,
    /// The norm of the gradient there.
    pub gradient_norm: f64,
    /// The last iterate.
    pub last: V,
    /// Why it ended.
    pub status: Status,
    /// Steps taken.
    pub iterations: usize,
    /// Evaluations of value and gradient.
    pub evaluations: usize,
    /// Gradients skipped as they failed or were not finite.
    pub skipped: usize,
    /// Gradients scaled down to [`Adam::clip_norm`].
    pub clipped: usize,
    /// The values, from the start on; what was skipped is left out.
    pub history: Vec<f64>,
    /// The last failure of the objective, if any.
    pub failure: Option<AdError>,
}

/// The state after one step of ADAM, as an observer sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AdamProgress<'a, V> {
    /// Steps so far. Iteration 0 is the start.
    pub iteration: usize,
    /// The iterate.
    pub x: &'a V,
    /// The value there.
    pub value: f64,
    /// The norm of the gradient there.
    pub gradient_norm: f64,
    /// The learning rate of the next step.
    pub learning_rate: f64,
    /// Gradients skipped so far.
    pub skipped: usize,
}

impl Adam {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`] for a setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        self.learning_rate.validate()?;
        for (option, beta) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            check(option, beta, (0.0..1.0).contains(&beta), "a number from 0 to below 1")?;
        }
        let positive = |option, value: f64| {
            check(option, value, value > 0.0 && value < f64::INFINITY, "a finite number above 0")
        };
        positive("epsilon", self.epsilon)?;
        for (option, clip) in [("clip_value", self.clip_value), ("clip_norm", self.clip_norm)] {
            clip.map_or(Ok(()), |clip| positive(option, clip))?;
        }
        let not_negative = |option, value: f64| {
            check(option, value, (0.0..f64::INFINITY).contains(&value), "a finite number from 0")
        };
        not_negative("gradient_tol", self.gradient_tol)?;
        if let Some(StallWindow { steps, min_decrease }) = self.stall {
            check("stall.steps", steps as f64, steps > 0, "at least 1 step")?;
            not_negative("stall.min_decrease", min_decrease)?;
        }
        Ok(())
    }

    /// Minimizes `f` from `x0`.
    ///
    /// # Shapes
    ///
    /// `f: ℝⁿ → ℝ`, `x0: n`, `n ≥ 1`.
    ///
    /// # Errors
    ///
    /// [`SolveError`] if a setting or the start makes no sense, or if value or gradient fail or are
    /// not finite at `x0`. Stopping short later on is a [`Status`] of the outcome.
    pub fn minimize<V: Elementwise, O: Objective<V>>(
        &self,
        objective: &mut O,
        x0: &V,
    ) -> Result<AdamOutcome<V>> {
        self.minimize_observed(objective, x0, |_| ControlFlow::Continue(()))
    }

    /// As [`minimize`](Self::minimize), and shows the start and every iterate to `observer`, which
    /// may [break](ControlFlow::Break) off.
    ///
    /// # Errors
    ///
    /// As [`minimize`](Self::minimize).
    pub fn minimize_observed<V: Elementwise, O: Objective<V>>(
        &self,
        objective: &mut O,
        x0: &V,
        mut observer: impl FnMut(&AdamProgress<'_, V>) -> ControlFlow<()>,
    ) -> Result<AdamOutcome<V>> {
        self.validate()?;
        SolveError::check_start(x0)?;
        let (mut value, mut gradient) = objective.value_and_gradient(x0)?;
        AdError::check_len("gradient", gradient.len(), x0.len(), "the unknowns")?;
        let mut gradient_norm = SolveError::check_norm("the gradient at the start", &gradient)?;
        if !value.is_finite() {
            return Err(SolveError::NonFiniteNorm { what: "the objective at the start", value });
        }

        let mut x = x0.clone();
        // The last point with a finite gradient.
        let mut base = x0.clone();
        let mut moments = Moments::new(x0);
        let mut skipped_in_a_row = 0;
        // The best value that counted as an improvement, and when that was.
        let (mut milestone, mut milestone_at) = (value, 0);
        let mut outcome = AdamOutcome {
            x: x0.clone(),
            value,
            gradient_norm,
            last: x0.clone(),
            status: Status::IterationLimit,
            iterations: 0,
            evaluations: 1,
            skipped: 0,
            clipped: 0,
            history: vec![value],
            failure: None,
        };
        outcome.status = loop {
            let learning_rate = self.learning_rate.rate(outcome.iterations);
            if skipped_in_a_row == 0 {
                let progress = AdamProgress {
                    iteration: outcome.iterations,
                    x: &x,
                    value,
                    gradient_norm,
                    learning_rate,
                    skipped: outcome.skipped,
                };
                if observer(&progress).is_break() {
                    break Status::StoppedByObserver;
                }
                if gradient_norm <= self.gradient_tol {
                    break Status::SmallGradient;
                }
                if outcome.iterations >= self.max_iterations {
                    break Status::IterationLimit;
                }
                if self.stall.is_some_and(|w| outcome.iterations - milestone_at >= w.steps) {
                    break Status::Stalled;
                }

                outcome.clipped += usize::from(self.clip(&mut gradient, gradient_norm)?);
                let step = moments.step(self, &gradient);
                base = x.clone();
                x.axpy(-learning_rate, &step);
                outcome.iterations += 1;
            }

            outcome.evaluations += 1;
            let attempt = objective
                .value_and_gradient(&x)
                .and_then(|(value, gradient)| Ok((value, gradient.norm()?, gradient)));
            match attempt {
                Ok((v, norm, g)) if v.is_finite() && norm.is_finite() => {
                    (value, gradient_norm, gradient) = (v, norm, g);
                    skipped_in_a_row = 0;
                    outcome.history.push(value);
                    if value < outcome.value {
                        (outcome.value, outcome.gradient_norm) = (value, gradient_norm);
                        outcome.x = x.clone();
                    }
                    let needed = self.stall.map_or(0.0, |window| window.min_decrease);
                    if value < milestone - needed * milestone.abs() {
                        (milestone, milestone_at) = (value, outcome.iterations);
                    }
                }
                attempt => {
                    if let Err(failure) = attempt {
                        outcome.failure = Some(failure);
                    }
                    outcome.skipped += 1;
                    skipped_in_a_row += 1;
                    if skipped_in_a_row > self.max_skipped {
                        break Status::NonFinite;
                    }
                    x.axpby(0.5, &base, 0.5);
                }
            }
        };
        outcome.last = x;
        Ok(outcome)
    }

    /// Clips the gradient by value, then by norm; whether it was scaled down. `norm` is its norm
    /// before.
    fn clip<V: Elementwise>(&self, gradient: &mut V, norm: f64) -> Result<bool> {
        if let Some(bound) = self.clip_value {
            gradient.limit(bound);
        }
        let Some(bound) = self.clip_norm else { return Ok(false) };
        let norm = if self.clip_value.is_some() { gradient.norm()? } else { norm };
        if norm <= bound {
            return Ok(false);
        }
        gradient.scale(bound / norm);
        Ok(true)
    }
}

/// Decaying averages of the gradient and of its square.
struct Moments<V> {
    first: V,
    second: V,
    /// `β₁ᵗ` and `β₂ᵗ`: the weight that the initial zeros still have.
    weights: (f64, f64),
}

impl<V: Elementwise> Moments<V> {
    fn new(x0: &V) -> Self {
        Moments { first: x0.zeros_like(), second: x0.zeros_like(), weights: (1.0, 1.0) }
    }

    /// The step of a learning rate of 1, after taking the gradient into account.
    fn step(&mut self, adam: &Adam, gradient: &V) -> V {
        let &Adam { beta1, beta2, epsilon, .. } = adam;
        self.first.axpby(1.0 - beta1, gradient, beta1);
        let mut square = gradient.clone();
        square.multiply(gradient);
        self.second.axpby(1.0 - beta2, &square, beta2);
        self.weights = (self.weights.0 * beta1, self.weights.1 * beta2);

        let mut scale = self.second.scaled(1.0 / (1.0 - self.weights.1));
        scale.square_root();
        scale.shift(epsilon);
        let mut step = self.first.scaled(1.0 / (1.0 - self.weights.0));
        step.divide(&scale);
        step
    }
}
