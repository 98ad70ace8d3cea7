//! Matrix-free Gauss-Newton for least squares.

use std::ops::ControlFlow;

use ad_api::AdError;

use super::linear_map::Counted;
use super::{
    Cgls, Counts, Differentiable, LeastSquaresOutcome, LinearMap, LinearStatus, Lsmr, Outcome,
    Progress, Status, Step, Vector,
};
use crate::options::check;
use crate::{Result, SolveError};

/// Gauss-Newton for `min ½|F(x)|²`, `F: ℝⁿ → ℝᵐ`, from products with `J` and `Jᵀ` alone.
///
/// The step solves `min |F + J p|² + λ|p|²` by [`Lsmr`] or [`Cgls`], as accurately as is worth it.
/// The damping `λ` follows the ratio of the actual to the predicted decrease (Levenberg and
/// Marquardt): it vanishes as the iteration converges, and where `J` has not full rank it makes the
/// step one of least norm. Unlike [`crate::LevenbergMarquardt`] it measures all unknowns alike, since
/// the norms of the columns of `J` are not to be had from products: they should be of similar size.
///
/// Where the predicted decrease is below the rounding of the cost, a step is judged by whether it
/// brings the gradient down, and the iteration ends when it does not.
///
/// Source: S. J. Wright, J. N. Holt, *An inexact Levenberg-Marquardt method for large sparse
/// nonlinear least squares*, J. Austral. Math. Soc. B 26 (1985) 387-403; the damping: H. B. Nielsen,
/// *Damping parameter in Marquardt's method*, IMM-REP-1999-05, DTU, 1999.
///
/// ```
/// use ad_algorithms::matrix_free::{GaussNewton, OnDevice};
/// use ad_algorithms::problems::{Problem, Rosenbrock};
/// use ad_native_reverse::NativeReverse;
///
/// let rosenbrock = Rosenbrock::new(2)?;
/// let start = rosenbrock.start();
/// let mut problem = OnDevice::new(NativeReverse::default(), rosenbrock);
/// let start = problem.vector(&start)?;
/// let fit = GaussNewton::default().minimize(&mut problem, &start)?;
/// assert!(fit.status.is_converged() && fit.residual_norm < 1e-12, "{}", fit.status);
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GaussNewton {
    /// Stop when `|F|` is at most this, in the units of `F`. Default 0.
    pub residual_tol: f64,
    /// Stop when the cosine of the angle between `F` and `J Jᵀ F` is at most this: what is left of
    /// `F` along the direction that steepest descent would move it in. Default `1e-10`.
    pub cosine_tol: f64,
    /// Stop when a step that was not damped into shortness is at most this fraction of `x`. Default
    /// `1e-15`.
    pub step_tol: f64,
    /// Stop after this many trial steps. Default 200.
    pub max_iterations: usize,
    /// What solves the linear least-squares problems.
    pub linear: LeastSquares,
    /// The damping at the start, as a fraction of `|J g|²/|g|²` with `g = JᵀF`. Default `1e-3`.
    pub initial_damping: f64,
    /// Give up as diverged when `|x|` exceeds this times its norm at the start (or times 1).
    /// Default `1e20`.
    pub max_growth: f64,
}

/// A Krylov method for linear least squares. Damping and the tolerance on the gradient are set by
/// [`GaussNewton`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LeastSquares {
    /// MINRES on the normal equations: the gradient decreases monotonically.
    Lsmr(Lsmr),
    /// Conjugate gradients on the normal equations.
    Cgls(Cgls),
}

impl Default for LeastSquares {
    fn default() -> Self {
        // A loose test on the residual would end the solve before the one on the gradient.
        LeastSquares::Lsmr(Lsmr { matrix_tol: 0.0, rhs_tol: 0.0, ..Lsmr::default() })
    }
}

impl LeastSquares {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`] for a setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        match self {
            LeastSquares::Lsmr(lsmr) => lsmr.validate(),
            LeastSquares::Cgls(cgls) => cgls.validate(),
        }
    }

    fn solve<V: Vector, A: LinearMap<V>>(
        &self,
        a: &A,
        b: &V,
        damping: f64,
        gradient_tol: f64,
    ) -> Result<LeastSquaresOutcome<V>> {
        match *self {
            LeastSquares::Lsmr(lsmr) => Lsmr { damping, gradient_tol, ..lsmr }.solve(a, b),
            LeastSquares::Cgls(cgls) => Cgls { damping, gradient_tol, ..cgls }.solve(a, b),
        }
    }
}

impl Default for GaussNewton {
    fn default() -> Self {
        GaussNewton {
            residual_tol: 0.0,
            cosine_tol: 1e-10,
            step_tol: 1e-15,
            max_iterations: 200,
            linear: LeastSquares::default(),
            initial_damping: 1e-3,
            max_growth: 1e20,
        }
    }
}

/// The share of the predicted decrease that a step must bring.
const ACCEPT: f64 = 1e-4;

/// How many units of rounding a change of the cost must exceed to be believed.
const FLAT_SLACK: f64 = 10.0;

/// The least accurate and the most accurate linear solve, as fractions of the gradient.
const FORCING_MAX: f64 = 0.1;
const FORCING_MIN: f64 = 1e-10;

/// Damping below this fraction of `|J g|²/|g|²` is none.
const DAMPING_MIN: f64 = 1e-20;

/// Damping above this multiple of `|J g|²/|g|²` leaves no step.
const DAMPING_MAX: f64 = 1e20;

impl GaussNewton {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`] for a setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        let (residual_tol, growth) = (self.residual_tol, self.max_growth);
        let fits = (0.0..f64::INFINITY).contains(&residual_tol);
        check("residual_tol", residual_tol, fits, "a finite number from 0")?;
        for (option, tol) in [("cosine_tol", self.cosine_tol), ("step_tol", self.step_tol)] {
            check(option, tol, (0.0..1.0).contains(&tol), "a number from 0 to below 1")?;
        }
        let damping = self.initial_damping;
        let fits = damping > 0.0 && damping < f64::INFINITY;
        check("initial_damping", damping, fits, "a finite number above 0")?;
        check("max_growth", growth, growth > 1.0, "a number above 1")?;
        self.linear.validate()
    }

    /// Minimizes `½|F(x)|²` from `x0`.
    ///
    /// # Shapes
    ///
    /// `F: ℝⁿ → ℝᵐ`, `x0: n`, `n, m ≥ 1`. There may be fewer residuals than unknowns; the minimum
    /// is not unique then.
    ///
    /// # Errors
    ///
    /// [`SolveError`] if a setting or the problem makes no sense, or if `F`, its linearization or
    /// its first products fail at `x0`. Stopping short later on is a [`Status`] of the outcome.
    pub fn minimize<V: Vector, P: Differentiable<V>>(
        &self,
        problem: &mut P,
        x0: &V,
    ) -> Result<Outcome<V>> {
        self.minimize_observed(problem, x0, |_| ControlFlow::Continue(()))
    }

    /// As [`minimize`](Self::minimize), and shows the start and every trial to `observer`, which may
    /// [break](ControlFlow::Break) off.
    ///
    /// # Errors
    ///
    /// As [`minimize`](Self::minimize).
    pub fn minimize_observed<V: Vector, P: Differentiable<V>>(
        &self,
        problem: &mut P,
        x0: &V,
        mut observer: impl FnMut(&Progress<'_, V>) -> ControlFlow<()>,
    ) -> Result<Outcome<V>> {
        self.validate()?;
        let mut run = Run::new(self, problem, x0)?;
        let status = loop {
            if observer(&run.progress()).is_break() {
                break Status::StoppedByObserver;
            }
            if let Some(status) = run.settled() {
                break status;
            }
            match run.step() {
                Ok(None) => {}
                Ok(Some(status)) => break status,
                Err(error) if run.iterations == 0 => return Err(error),
                Err(SolveError::Ad(failure)) => {
                    run.failure = Some(failure);
                    break Status::LinearSolverFailed;
                }
                Err(error) => return Err(error),
            }
        };
        Ok(run.outcome(status))
    }
}

/// A point with the linear model there.
struct Model<V, L> {
    x: V,
    x_norm: f64,
    f: V,
    norm: f64,
    jacobian: L,
    gradient_norm: f64,
    /// `|J g|²/|g|²` for the gradient `g = JᵀF`; 0 if that vanishes.
    curvature: f64,
}

impl<V, L> Model<V, L> {
    /// The cosine of the angle between `F` and `J Jᵀ F`: `|g|²/(|F| |J g|)`.
    fn cosine(&self) -> f64 {
        if self.gradient_norm == 0.0 || self.norm == 0.0 {
            return 0.0;
        }
        self.gradient_norm / self.norm / self.curvature.sqrt()
    }
}

struct Run<'a, V: Vector, P: Differentiable<V>> {
    method: &'a GaussNewton,
    problem: &'a mut P,
    largest: f64,
    model: Model<V, P::Linear>,
    initial_gradient: f64,
    lambda: f64,
    growth: f64,
    /// Trials rejected since the last step.
    rejected: usize,
    iterations: usize,
    counts: Counts,
    history: Vec<Step>,
    failure: Option<AdError>,
}

impl<'a, V: Vector, P: Differentiable<V>> Run<'a, V, P> {
    fn new(method: &'a GaussNewton, problem: &'a mut P, x0: &V) -> Result<Self> {
        let x_norm = SolveError::check_start(x0)?;
        let mut counts = Counts { linearizations: 1, ..Counts::default() };
        let (f, jacobian) = problem.linearize(x0)?;
        if f.is_empty() {
            return Err(SolveError::Empty { parameters: x0.len(), residuals: 0 });
        }
        let norm = SolveError::check_norm("the residuals at the start", &f)?;
        let (gradient_norm, curvature) = gradient(&jacobian, &f, &mut counts)?;
        for value in [gradient_norm, curvature] {
            if !value.is_finite() {
                let what = "the gradient at the start, or of the Jacobian along it,";
                return Err(SolveError::NonFiniteNorm { what, value });
            }
        }
        let x = x0.clone();
        let model = Model { x, x_norm, f, norm, jacobian, gradient_norm, curvature };
        let lambda = method.initial_damping * curvature;
        Ok(Run {
            method,
            problem,
            largest: method.max_growth * x_norm.max(1.0),
            initial_gradient: gradient_norm,
            lambda,
            growth: 2.0,
            rejected: 0,
            iterations: 0,
            counts,
            history: vec![Step { residual_norm: norm, damping: lambda, ..Step::default() }],
            failure: None,
            model,
        })
    }

    fn progress(&self) -> Progress<'_, V> {
        let step = self.history[self.history.len() - 1];
        Progress { iteration: self.iterations, x: &self.model.x, step, counts: self.counts }
    }

    fn settled(&self) -> Option<Status> {
        let (method, model) = (self.method, &self.model);
        if model.norm <= method.residual_tol {
            Some(Status::SmallResidual)
        } else if model.cosine() <= method.cosine_tol {
            Some(Status::SmallGradient)
        } else if model.x_norm > self.largest {
            Some(Status::Diverged)
        } else if self.iterations >= method.max_iterations {
            Some(Status::IterationLimit)
        } else {
            None
        }
    }

    /// Tries one step; the status to end with, if any.
    fn step(&mut self) -> Result<Option<Status>> {
        let forcing = (self.model.gradient_norm / self.initial_gradient)
            .sqrt()
            .clamp(FORCING_MIN, FORCING_MAX);
        let jacobian = Counted::new(&self.model.jacobian);
        let rhs = self.model.f.scaled(-1.0);
        let linear = self.method.linear.solve(&jacobian, &rhs, self.lambda.sqrt(), forcing)?;
        let p = linear.x;
        let image = jacobian.apply(&p)?;
        self.counts.products += jacobian.products.get();
        self.counts.transposed_products += jacobian.transposed.get();
        self.counts.linear_solves += 1;
        self.counts.linear_iterations += linear.iterations;
        self.iterations += 1;

        let (norm, p_norm) = (self.model.norm, p.norm()?);
        if linear.status == LinearStatus::NonFinite || !p_norm.is_finite() {
            return Ok(Some(Status::NonFinite));
        }
        // As fractions of |F|².
        let predicted = -(2.0 * self.model.f.dot(&image)? + image.dot(&image)?) / norm / norm;
        if predicted.is_nan() || predicted <= 0.0 {
            return Ok(Some(self.stuck(Status::LinearSolverFailed)));
        }
        if p_norm <= self.method.step_tol * self.model.x_norm {
            let status =
                if self.rejected == 0 { Status::SmallStep } else { self.stuck(Status::Stagnated) };
            return Ok(Some(status));
        }

        let slack = FLAT_SLACK * p.unit();
        let is_flat = predicted <= slack;
        let trial = self.evaluate(self.model.x.plus(1.0, &p));
        let actual = trial.as_ref().map(|(_, trial_norm)| 1.0 - (trial_norm / norm).powi(2));
        let is_better = actual.is_some_and(|actual| {
            if is_flat { actual >= -slack } else { actual >= ACCEPT * predicted }
        });
        let next = match trial {
            Some((x, _)) if is_better => self.linearize(x),
            _ => None,
        };
        let next = next.filter(|next| !is_flat || next.gradient_norm < self.model.gradient_norm);
        let damping = self.lambda;
        let accepted = next.is_some();
        if let Some(next) = next {
            self.model = next;
            self.rejected = 0;
            self.growth = 2.0;
            let gain = if is_flat { 1.0 } else { actual.unwrap_or(0.0) / predicted };
            self.lambda *= (1.0 - (2.0 * gain - 1.0).powi(3)).clamp(0.1, 2.0);
            // Below this it changes nothing, and would take long to come back.
            self.lambda = self.lambda.max(DAMPING_MIN * self.model.curvature);
        } else {
            self.rejected += 1;
            self.lambda *= self.growth;
            self.growth *= 2.0;
        }
        self.history.push(Step {
            residual_norm: self.model.norm,
            forcing,
            linear_iterations: linear.iterations,
            step_length: if accepted { 1.0 } else { 0.0 },
            damping,
        });
        if is_flat && !accepted {
            return Ok(Some(Status::RoundingLimit));
        }
        if !accepted && self.lambda > DAMPING_MAX * self.model.curvature {
            let otherwise = if actual.is_some() { Status::Stagnated } else { Status::NonFinite };
            return Ok(Some(self.stuck(otherwise)));
        }
        Ok(None)
    }

    /// `x` and `|F|` there, unless `F` fails or is not finite.
    fn evaluate(&mut self, x: V) -> Option<(V, f64)> {
        self.counts.values += 1;
        let norm = self.problem.value(&x).and_then(|f| f.norm());
        let norm = self.survived(norm)?;
        norm.is_finite().then_some((x, norm))
    }

    /// The model at `x`, unless something fails or is not finite.
    fn linearize(&mut self, x: V) -> Option<Model<V, P::Linear>> {
        self.counts.linearizations += 1;
        let linearization = self.problem.linearize(&x);
        let (f, jacobian) = self.survived(linearization)?;
        let norms = gradient(&jacobian, &f, &mut self.counts);
        let (gradient_norm, curvature) = self.survived(norms)?;
        let norms = x.norm().and_then(|x_norm| Ok((x_norm, f.norm()?)));
        let (x_norm, norm) = self.survived(norms)?;
        let is_finite = [x_norm, norm, gradient_norm, curvature].into_iter().all(f64::is_finite);
        is_finite.then_some(Model { x, x_norm, f, norm, jacobian, gradient_norm, curvature })
    }

    fn survived<T>(&mut self, result: ad_api::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(failure) => {
                self.failure = Some(failure);
                None
            }
        }
    }

    /// What it means that no step helps: an exact fit to rounding, or `otherwise`.
    ///
    /// `|g|/|F|` is how much `F` changes with `x`, typically; so if rounding `x` changes `F` by all
    /// that is left of it, there is nothing to gain.
    fn stuck(&self, otherwise: Status) -> Status {
        let Model { gradient_norm, norm, x_norm, .. } = self.model;
        let sensitivity = gradient_norm / norm * x_norm / norm;
        if sensitivity * FLAT_SLACK * self.model.x.unit() >= 1.0 {
            Status::RoundingLimit
        } else {
            otherwise
        }
    }

    fn outcome(self, status: Status) -> Outcome<V> {
        let model = self.model;
        Outcome {
            x: model.x,
            residuals: model.f,
            residual_norm: model.norm,
            gradient_norm: Some(model.gradient_norm),
            status,
            iterations: self.iterations,
            counts: self.counts,
            history: self.history,
            failure: self.failure,
        }
    }
}

/// `|g|` and `|J g|²/|g|²` for `g = JᵀF`.
fn gradient<V: Vector, L: LinearMap<V>>(
    jacobian: &L,
    f: &V,
    counts: &mut Counts,
) -> ad_api::Result<(f64, f64)> {
    counts.transposed_products += 1;
    let g = jacobian.apply_transpose(f)?;
    let norm = g.norm()?;
    if norm == 0.0 || !norm.is_finite() {
        return Ok((norm, 0.0));
    }
    counts.products += 1;
    let image = jacobian.apply(&g)?.norm()? / norm;
    Ok((norm, image * image))
}
