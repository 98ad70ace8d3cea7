//! The iteration, written once: propose a step, try it, judge it.

use std::mem::swap;
use std::ops::ControlFlow;

use ad_api::{AdError, Backend, Function, Prepared, Shape};
use nalgebra::DVector;

use crate::model::FLAT_SLACK;
use crate::{Counts, Model, Options, Outcome, Progress, Result, SolveError, Status};

/// A descent method for `½|r(x)|²`: how to propose a step, and how to learn from what it brought.
///
/// The loop around it is [`minimize`](Self::minimize). It evaluates the trial point, refuses it
/// where the residuals or their derivatives fail or are not finite, and decides when to stop.
///
/// Close to a minimum the cost is flat and its changes drown in rounding, while the gradient still
/// has half the digits to give. There (when the linear model promises less than the rounding of
/// the cost) a step is judged by whether it brings the gradient down, and the iteration ends when
/// none does. That is the idea of the approximate Wolfe condition of W. W. Hager, H. Zhang, *A new
/// conjugate gradient method with guaranteed descent and an efficient line search*, SIAM J. Optim.
/// 16 (2005) 170-192. For want of it MINPACK's `lmder` ends NIST's ENSO with 7 digits.
pub trait Method {
    /// What the method remembers between iterations.
    type State;

    /// When to stop.
    fn options(&self) -> &Options;

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`] for a setting that makes no sense.
    fn validate(&self) -> Result<()> {
        self.options().validate()
    }

    /// The state at the start.
    fn init(&self, model: &Model) -> Self::State;

    /// Writes the next trial step into `p: n`.
    ///
    /// # Errors
    ///
    /// The status to end with, if the method has no step to propose.
    fn propose(
        &self,
        state: &mut Self::State,
        model: &Model,
        p: &mut DVector<f64>,
    ) -> Result<Proposal, Status>;

    /// Whether to take a step that decreases `|r|²` by the fraction `actual`.
    fn accepts(&self, proposal: &Proposal, actual: f64) -> bool;

    /// Adapts the state to a trial; `actual` is `None` where `r` or `J` failed or was not finite.
    fn learn(
        &self,
        state: &mut Self::State,
        proposal: &Proposal,
        actual: Option<f64>,
        accepted: bool,
    );

    /// Minimizes `½|r(x)|²` from `x0`.
    ///
    /// # Shapes
    ///
    /// `residuals: ℝⁿ → ℝᵐ` with `m ≥ n ≥ 1`, `x0: n`.
    ///
    /// # Errors
    ///
    /// [`SolveError`] if the problem or a setting makes no sense, or if residuals or Jacobian fail
    /// or are not finite at `x0`. Stopping short later on is a [`Status`] of the outcome.
    fn minimize<B: Backend, F: Function>(
        &self,
        backend: &B,
        residuals: &F,
        x0: &[f64],
    ) -> Result<Outcome> {
        self.minimize_observed(backend, residuals, x0, |_| ControlFlow::Continue(()))
    }

    /// As [`minimize`](Self::minimize), and shows the start and every iteration to `observer`,
    /// which may [break](ControlFlow::Break) off.
    ///
    /// # Errors
    ///
    /// As [`minimize`](Self::minimize).
    ///
    /// # Example
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// use ad_algorithms::{GaussNewton, Method, Status};
    /// # use ad_api::{Failure, Function, Scalar};
    /// # #[derive(Clone)] struct Rosenbrock;
    /// # impl Function for Rosenbrock {
    /// #     fn inputs(&self) -> usize { 2 }
    /// #     fn outputs(&self) -> usize { 2 }
    /// #     fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
    /// #         r[0] = (x[1] - x[0] * x[0]) * 10.0;
    /// #         r[1] = S::from(1.0) - x[0];
    /// #         Ok(())
    /// #     }
    /// # }
    /// let (backend, x0) = (ad_dual::Dual::default(), [-1.2, 1.0]);
    /// let mut costs = Vec::new();
    /// let outcome =
    ///     GaussNewton::default().minimize_observed(&backend, &Rosenbrock, &x0, |progress| {
    ///         costs.push(progress.rss);
    ///         if progress.rss < 1.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    ///     })?;
    /// assert_eq!(outcome.status, Status::StoppedByObserver);
    /// assert!((costs[0] - 24.2).abs() < 1e-13 && costs.last() == Some(&outcome.rss));
    /// # Ok::<(), ad_algorithms::SolveError>(())
    /// ```
    fn minimize_observed<B: Backend, F: Function>(
        &self,
        backend: &B,
        residuals: &F,
        x0: &[f64],
        mut observer: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Outcome> {
        self.validate()?;
        let options = self.options();
        let mut problem = Problem::new(backend, residuals, x0)?;
        let mut model = problem.start(x0)?;
        let mut trial = model.clone();
        let mut p = DVector::zeros(x0.len());
        let largest = options.max_growth * model.x.amax().max(1.0);

        let mut state = self.init(&model);
        let mut plateau_steps = 0;
        let mut verdict = None;
        let mut last = (true, 0.0, 0.0);
        let status = loop {
            let (accepted, step, damping) = last;
            let flow = observer(&Progress {
                iteration: problem.counts.residuals,
                accepted,
                x: &model.x,
                rss: model.rss(),
                cosine: model.cosine(),
                step,
                damping,
                counts: problem.counts,
            });
            if let Some(status) = verdict.or_else(|| settled(options, &model)) {
                break status;
            }
            if flow.is_break() {
                break Status::StoppedByObserver;
            }
            if model.x.amax() > largest {
                break Status::Diverged;
            }
            if let Some(status) = exhausted(options, &problem.counts) {
                break status;
            }

            let proposal = match self.propose(&mut state, &model, &mut p) {
                Ok(proposal) => proposal,
                Err(status) => break status,
            };
            problem.counts.linear_solves += 1;
            trial.x.copy_from(&model.x);
            trial.x += &p;
            if model.is_negligible(&p, options.step_tol) || trial.x == model.x {
                // A short step is a sign of convergence if it is the whole Gauss-Newton step;
                // one cut short by rejections is so only if there is nothing left to gain.
                let converged = proposal.is_full || model.is_stationary();
                break if converged { Status::SmallStep } else { Status::Stalled };
            }

            let visibility = Visibility::of(&proposal, &model);
            let mut actual = problem.decrease(&mut trial, &model);
            let mut accepted = actual.is_some_and(|actual| match visibility {
                Visibility::Clear => self.accepts(&proposal, actual),
                Visibility::Rounding => actual >= -FLAT_SLACK * model.rounding(),
                // The steps may be many, and must not drift upwards.
                Visibility::Plateau => actual >= -model.rounding(),
            });
            if accepted && !problem.linearize(&mut trial, &model) {
                (actual, accepted) = (None, false);
            }
            match visibility {
                Visibility::Clear => {}
                Visibility::Rounding => {
                    accepted &= improves(&model, &trial);
                    verdict = (!accepted).then_some(Status::RoundingLimit);
                }
                Visibility::Plateau => {
                    plateau_steps += 1;
                    verdict = (plateau_steps > PLATEAU_STEPS).then_some(Status::Stalled);
                }
            }
            problem.counts.rejected += usize::from(!accepted);
            problem.counts.invalid += usize::from(actual.is_none());
            if accepted && visibility != Visibility::Clear {
                // The actual decrease is noise, and the step was not judged by it.
                actual = Some(proposal.predicted);
            }
            self.learn(&mut state, &proposal, actual, accepted);
            if let Some(actual) = actual
                && proposal.predicted.max(actual.abs()) <= options.decrease_tol
                && actual <= 2.0 * proposal.predicted
            {
                verdict = verdict.or(Some(Status::SmallDecrease));
            }
            if accepted {
                swap(&mut model, &mut trial);
            }
            last = (accepted, proposal.size, proposal.damping);
        };
        Ok(problem.outcome(model, status))
    }
}

/// Whether the cost can tell what a step brings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visibility {
    /// The predicted decrease exceeds the rounding of the cost.
    Clear,
    /// It does not, and the gradient is small: close to a minimum.
    Rounding,
    /// It does not, but the gradient is not small beside the columns of `J`, one of which has all
    /// but vanished: far out where the residuals hardly depend on a parameter. Steps go on in the
    /// direction that the model gives, and grow until the cost can tell again.
    Plateau,
}

impl Visibility {
    fn of(proposal: &Proposal, model: &Model) -> Self {
        if proposal.predicted > FLAT_SLACK * model.rounding() {
            Visibility::Clear
        } else if model.is_stationary() {
            Visibility::Rounding
        } else {
            Visibility::Plateau
        }
    }
}

/// How many steps may be taken on plateaus.
const PLATEAU_STEPS: usize = 30;

/// Whether the gradient at `trial` is smaller, where costs cannot tell.
///
/// It is measured by what it promises; but if `J` is singular at the minimum that does not vanish
/// there, and it is measured along the columns of `J`. As the first measure only falls, once it is
/// used it stays in use, and the iteration ends.
fn improves(model: &Model, trial: &Model) -> bool {
    if model.is_flat() {
        trial.decrement < model.decrement
    } else {
        trial.gradient < model.gradient
    }
}

fn settled(options: &Options, model: &Model) -> Option<Status> {
    if model.rss() == 0.0 {
        return Some(Status::ZeroResidual);
    }
    (model.cosine() <= options.cosine_tol).then_some(Status::SmallGradient)
}

fn exhausted(options: &Options, counts: &Counts) -> Option<Status> {
    if counts.residuals >= options.max_iterations {
        return Some(Status::IterationLimit);
    }
    (counts.evaluations() >= options.max_evaluations).then_some(Status::EvaluationLimit)
}

/// A trial step, and what the linear model expects of it. Decreases are fractions of `|r|²`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// The length `|D p|` of the step.
    pub size: f64,
    /// The predicted decrease of `|r|²`.
    pub predicted: f64,
    /// Half the rate at which `|r|²` decreases along the step, at its beginning: `-rᵀJ p / |r|²`.
    pub slope: f64,
    /// What the observer is shown as damping.
    pub damping: f64,
    /// Whether this is the whole Gauss-Newton step.
    pub is_full: bool,
}

/// The residuals behind a backend, with the calls counted.
struct Problem<P> {
    prepared: P,
    counts: Counts,
    failure: Option<AdError>,
}

impl<P: Prepared> Problem<P> {
    fn new<B, F>(backend: &B, residuals: &F, x0: &[f64]) -> Result<Self>
    where
        B: Backend<Prepared<F> = P>,
        F: Function,
    {
        let Shape { inputs: n, outputs: m } = Shape::of(residuals);
        AdError::check_len("x0", x0.len(), n, "one value for each parameter")?;
        if n == 0 || m == 0 {
            return Err(SolveError::Empty { parameters: n, residuals: m });
        }
        if m < n {
            return Err(SolveError::Underdetermined { parameters: n, residuals: m });
        }
        if let Some(index) = x0.iter().position(|x| !x.is_finite()) {
            return Err(SolveError::NonFiniteStart { index, value: x0[index] });
        }
        let prepared = backend.prepare(residuals, x0)?;
        Ok(Problem { prepared, counts: Counts::default(), failure: None })
    }

    /// The model at the start, where every failure is an error.
    fn start(&mut self, x0: &[f64]) -> Result<Model> {
        let Shape { inputs: n, outputs: m } = self.prepared.shape();
        let mut model = Model::new(m, n);
        model.x.copy_from_slice(x0);
        self.counts.jacobians += 1;
        self.prepared.value_and_jacobian_into(x0, model.r.as_mut_slice(), &mut model.jacobian)?;
        let bad = model.r.iter().position(|r| !r.is_finite());
        if let Some(index) = bad.or_else(|| (!model.r.norm().is_finite()).then(|| model.r.icamax()))
        {
            return Err(SolveError::NonFiniteResidual { index, value: model.r[index] });
        }
        if let Some(k) = model.jacobian.iter().position(|d| !d.is_finite()) {
            let (residual, parameter) = (k % m, k / m);
            let value = model.jacobian[k];
            return Err(SolveError::NonFiniteJacobian { residual, parameter, value });
        }
        model.factor(None);
        Ok(model)
    }

    /// Writes the residuals at `trial.x` and returns the fraction by which `|r|²` has decreased,
    /// unless they fail or are not finite.
    fn decrease(&mut self, trial: &mut Model, model: &Model) -> Option<f64> {
        self.counts.residuals += 1;
        let result = self.prepared.value_into(trial.x.as_slice(), trial.r.as_mut_slice());
        let ratio = trial.r.norm() / model.norm;
        (self.worked(result) && ratio.is_finite()).then_some(1.0 - ratio * ratio)
    }

    /// Writes residuals and Jacobian at `trial.x` and factors; whether they are there and finite.
    fn linearize(&mut self, trial: &mut Model, model: &Model) -> bool {
        self.counts.jacobians += 1;
        let result = self.prepared.value_and_jacobian_into(
            trial.x.as_slice(),
            trial.r.as_mut_slice(),
            &mut trial.jacobian,
        );
        // The norm of a column is finite only if its entries are, and no square overflows.
        let finite = |trial: &Model| {
            trial.r.norm().is_finite() && trial.jacobian.column_iter().all(|c| c.norm().is_finite())
        };
        let works = self.worked(result) && finite(trial);
        if works {
            trial.factor(Some(&model.scale));
        }
        works
    }

    fn worked(&mut self, result: ad_api::Result<()>) -> bool {
        match result {
            Ok(()) => true,
            Err(failure) => {
                self.failure = Some(failure);
                false
            }
        }
    }

    fn outcome(self, model: Model, status: Status) -> Outcome {
        Outcome {
            rss: model.rss(),
            cosine: model.cosine(),
            column_cosine: model.column_cosine(),
            rank: model.rank(),
            x: model.x,
            residuals: model.r,
            jacobian: model.jacobian,
            status,
            iterations: self.counts.residuals,
            counts: self.counts,
            failure: self.failure,
        }
    }
}
