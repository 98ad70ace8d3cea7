//! Jacobian-free Newton-Krylov.

use std::ops::ControlFlow;

use ad_api::AdError;

use super::linear_map::Counted;
use super::preconditioner::CountedPreconditioner;
use super::{
    Counts, Differentiable, Forcing, Identity, Krylov, LinearMap, LinearOutcome, LinearStatus,
    Outcome, Preconditioner, Progress, Status, Step, Vector,
};
use crate::options::check;
use crate::{Result, SolveError};

/// Newton's method for `F(x) = 0`, `F: ℝⁿ → ℝⁿ`, with the linear systems solved by a Krylov method
/// from products `J v` alone.
///
/// The direction solves `J p = -F` to a relative accuracy that the [`Forcing`] sets, and is
/// shortened until `|F|` decreases enough. With exact products there is no perturbation to choose,
/// and the iteration goes on to rounding. Products with `Jᵀ` are asked for only where the iteration
/// is stuck, to tell a local minimum of `|F|` from a wrong derivative; a backend without them
/// forgoes that.
///
/// No vector is copied to the host: what leaves the device are inner products.
///
/// Source: D. A. Knoll, D. E. Keyes, *Jacobian-free Newton-Krylov methods*, J. Comput. Phys. 193
/// (2004) 357-397; C. T. Kelley, *Solving Nonlinear Equations with Newton's Method*, SIAM, 2003,
/// chapters 1 and 3.
///
/// ```
/// use ad_algorithms::matrix_free::{NewtonKrylov, OnHost};
/// use ad_algorithms::problems::{ChandrasekharH, Problem};
/// use ad_api::array::Flat;
/// use ad_dual::Dual;
/// use nalgebra::DVector;
///
/// let problem = ChandrasekharH::new(20, 0.9)?;
/// let start = DVector::from_vec(problem.start());
/// let mut on_host = OnHost::new(Dual::default(), Flat::new(problem));
/// let root = NewtonKrylov::default().solve(&mut on_host, &start)?;
/// assert!(root.status.is_converged(), "{}", root.status);
/// assert!((root.x[19] - 1.838_116_887_6).abs() < 1e-9);
/// # Ok::<(), ad_algorithms::SolveError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewtonKrylov {
    /// Stop when `|F|` is at most this, in the units of `F`. Default `1e-10`.
    pub residual_tol: f64,
    /// Stop when `|F|` is at most this fraction of `|F|` at the start. Default `1e-10`.
    pub relative_tol: f64,
    /// Stop after this many steps. Default 100.
    pub max_iterations: usize,
    /// How accurately to solve the linear systems.
    pub forcing: Forcing,
    /// What solves them; its relative tolerance is set by the forcing.
    pub krylov: Krylov,
    /// Set the preconditioner up anew after this many steps, and where the linear solver fails with
    /// an old one. Default 1: at every step.
    pub preconditioner_lag: usize,
    /// What makes the iteration converge from afar.
    pub globalization: Globalization,
    /// Give up as diverged when `|F|` exceeds this times `|F|` at the start. Default `1e4`.
    pub max_residual_growth: f64,
    /// Give up as diverged when `|x|` exceeds this times its norm at the start (or times 1).
    /// Default `1e20`.
    pub max_growth: f64,
    /// Give up as stalled when so many steps together have not brought `|F|` down by a tenth.
    /// Default 20.
    pub patience: usize,
}

/// What makes Newton's method converge from afar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Globalization {
    /// Shortens the step until `|F|` decreases, by safeguarded quadratic interpolation.
    #[default]
    Backtracking,
    /// Takes every step as it is.
    None,
}

impl Default for NewtonKrylov {
    fn default() -> Self {
        NewtonKrylov {
            residual_tol: 1e-10,
            relative_tol: 1e-10,
            max_iterations: 100,
            forcing: Forcing::default(),
            krylov: Krylov::default(),
            preconditioner_lag: 1,
            globalization: Globalization::default(),
            max_residual_growth: 1e4,
            max_growth: 1e20,
            patience: 20,
        }
    }
}

/// The share of the promised decrease that a step must keep: Armijo's constant.
const ARMIJO: f64 = 1e-4;

/// A linear solution must take more than this off the residual to be a direction.
const DIRECTION: f64 = 1e-3;

/// What all steps of the window together must leave at most.
const WINDOW_DECREASE: f64 = 0.9;

/// If moving `x` by its own size changes `|F|²` by less than this fraction, to first order, then
/// `x` is a stationary point of `|F|`.
const STATIONARY: f64 = 1e-4;

/// If moving `x` by this many units of rounding changes `F` by all that is left of it, then `x` is
/// a root to rounding.
const ROUNDING_UNITS: f64 = 10.0;

impl NewtonKrylov {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`] for a setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        let NewtonKrylov { residual_tol, relative_tol, .. } = *self;
        let tol = 0.0..f64::INFINITY;
        check("residual_tol", residual_tol, tol.contains(&residual_tol), "a finite number from 0")?;
        let fits = (0.0..1.0).contains(&relative_tol);
        check("relative_tol", relative_tol, fits, "a number from 0 to below 1")?;
        for (option, count) in
            [("preconditioner_lag", self.preconditioner_lag), ("patience", self.patience)]
        {
            check(option, count as f64, count > 0, "at least 1 step")?;
        }
        for (option, growth) in
            [("max_residual_growth", self.max_residual_growth), ("max_growth", self.max_growth)]
        {
            check(option, growth, growth > 1.0, "a number above 1")?;
        }
        self.forcing.validate()?;
        self.krylov.validate()
    }

    /// Solves `F(x) = 0` from `x0`, without a preconditioner.
    ///
    /// # Shapes
    ///
    /// `F: ℝⁿ → ℝⁿ`, `x0: n`, `n ≥ 1`.
    ///
    /// # Errors
    ///
    /// [`SolveError`] if a setting or the problem makes no sense, or if `F`, its linearization, its
    /// first product or the set-up of the preconditioner fail at `x0`. Stopping short later on is a
    /// [`Status`] of the outcome.
    pub fn solve<V: Vector, P: Differentiable<V>>(
        &self,
        problem: &mut P,
        x0: &V,
    ) -> Result<Outcome<V>> {
        self.solve_preconditioned(problem, x0, &mut Identity)
    }

    /// As [`solve`](Self::solve), with a preconditioner.
    ///
    /// # Errors
    ///
    /// As [`solve`](Self::solve).
    pub fn solve_preconditioned<V: Vector, P: Differentiable<V>, M: Preconditioner<V>>(
        &self,
        problem: &mut P,
        x0: &V,
        preconditioner: &mut M,
    ) -> Result<Outcome<V>> {
        self.solve_observed(problem, x0, preconditioner, |_| ControlFlow::Continue(()))
    }

    /// As [`solve_preconditioned`](Self::solve_preconditioned), and shows the start and every
    /// iterate to `observer`, which may [break](ControlFlow::Break) off.
    ///
    /// # Errors
    ///
    /// As [`solve`](Self::solve).
    pub fn solve_observed<V: Vector, P: Differentiable<V>, M: Preconditioner<V>>(
        &self,
        problem: &mut P,
        x0: &V,
        preconditioner: &mut M,
        mut observer: impl FnMut(&Progress<'_, V>) -> ControlFlow<()>,
    ) -> Result<Outcome<V>> {
        self.validate()?;
        let mut run = Run::new(self, problem, x0, CountedPreconditioner::new(preconditioner))?;
        let status = loop {
            let progress = run.progress();
            if observer(&progress).is_break() {
                break Status::StoppedByObserver;
            }
            if let Some(status) = run.settled() {
                break status;
            }
            if let Err(stop) = run.step() {
                break match stop {
                    // What fails at the start is an error, as it cannot be the iteration's fault.
                    Stop::Failed(error) if run.iterations == 0 => return Err(error),
                    Stop::Failed(error) => {
                        let SolveError::Ad(failure) = error else { return Err(error) };
                        run.failure = Some(failure);
                        Status::LinearSolverFailed
                    }
                    Stop::Ended(status) => status,
                };
            }
        };
        Ok(run.outcome(status))
    }
}

/// Why there is no next step.
enum Stop {
    Ended(Status),
    Failed(SolveError),
}

impl From<SolveError> for Stop {
    fn from(error: SolveError) -> Self {
        Stop::Failed(error)
    }
}

impl From<AdError> for Stop {
    fn from(error: AdError) -> Self {
        Stop::Failed(error.into())
    }
}

/// An iterate with all that is known there.
struct Iterate<V> {
    x: V,
    x_norm: f64,
    f: V,
    norm: f64,
    gradient_norm: Option<f64>,
}

struct Run<'a, V: Vector, P: Differentiable<V>, M> {
    method: &'a NewtonKrylov,
    problem: &'a mut P,
    preconditioner: CountedPreconditioner<'a, M>,
    /// Steps since the preconditioner was set up; `None` before the first time.
    age: Option<usize>,
    start: &'a V,
    largest: f64,
    target: f64,
    current: Iterate<V>,
    jacobian: P::Linear,
    /// The best iterate, where the current one is worse.
    best: Option<Iterate<V>>,
    iterations: usize,
    counts: Counts,
    history: Vec<Step>,
    failure: Option<AdError>,
}

impl<'a, V: Vector, P: Differentiable<V>, M: Preconditioner<V>> Run<'a, V, P, M> {
    fn new(
        method: &'a NewtonKrylov,
        problem: &'a mut P,
        x0: &'a V,
        preconditioner: CountedPreconditioner<'a, M>,
    ) -> Result<Self> {
        let x_norm = SolveError::check_start(x0)?;
        let (f, jacobian) = problem.linearize(x0)?;
        if f.len() != x0.len() {
            return Err(SolveError::NotSquare { unknowns: x0.len(), residuals: f.len() });
        }
        let norm = SolveError::check_norm("the residuals at the start", &f)?;
        Ok(Run {
            method,
            problem,
            preconditioner,
            age: None,
            start: x0,
            largest: method.max_growth * x_norm.max(1.0),
            target: method.residual_tol.max(method.relative_tol * norm),
            current: Iterate { x: x0.clone(), x_norm, f, norm, gradient_norm: None },
            jacobian,
            best: None,
            iterations: 0,
            counts: Counts { linearizations: 1, ..Counts::default() },
            history: vec![Step { residual_norm: norm, ..Step::default() }],
            failure: None,
        })
    }

    fn counts(&self) -> Counts {
        Counts {
            preconditioner_setups: self.preconditioner.setups,
            preconditioner_applications: self.preconditioner.applications.get(),
            ..self.counts
        }
    }

    fn progress(&self) -> Progress<'_, V> {
        let step = self.history[self.history.len() - 1];
        let (iteration, counts) = (self.iterations, self.counts());
        Progress { iteration, x: &self.current.x, step, counts }
    }

    /// The status to end with before the next step, if any.
    fn settled(&mut self) -> Option<Status> {
        let Iterate { norm, x_norm, .. } = self.current;
        let method = self.method;
        if norm <= self.target {
            return Some(Status::SmallResidual);
        }
        if norm > method.max_residual_growth * self.history[0].residual_norm
            || x_norm > self.largest
        {
            return Some(Status::Diverged);
        }
        if self.iterations >= method.max_iterations {
            return Some(Status::IterationLimit);
        }
        let window = self.history.iter().rev().nth(method.patience);
        match window.map(|then| norm / then.residual_norm) {
            Some(ratio) if ratio > 1.0 => Some(Status::Diverged),
            Some(ratio) if ratio > WINDOW_DECREASE => Some(self.diagnosis(Status::Stalled)),
            _ => None,
        }
    }

    fn step(&mut self) -> Result<(), Stop> {
        let previous = self.history.len().checked_sub(2).map(|index| {
            let (before, last) = (self.history[index], self.history[index + 1]);
            (before.residual_norm, last.forcing)
        });
        let forcing = self.method.forcing.next(self.current.norm, previous, self.target);

        let linear = self.direction(forcing)?;
        self.iterations += 1;
        let eta = linear.residual_norm / self.current.norm;
        let (next, step_length) = self.search(&linear.x, eta)?;

        self.history.push(Step {
            residual_norm: next.norm,
            forcing,
            linear_iterations: linear.iterations,
            step_length,
            damping: 0.0,
        });
        self.age = self.age.map(|age| age + 1);
        let lowest = self.best.as_ref().map_or(self.current.norm, |best| best.norm);
        let last = std::mem::replace(&mut self.current, next);
        if self.current.norm <= lowest {
            self.best = None;
        } else if self.best.is_none() {
            self.best = Some(last);
        }
        if self.current.norm <= self.target {
            return Ok(()); // no linearization for nothing
        }
        self.counts.linearizations += 1;
        match self.problem.linearize(&self.current.x) {
            Ok((f, jacobian)) => {
                self.current.f = f;
                self.jacobian = jacobian;
                Ok(())
            }
            Err(failure) => {
                self.failure = Some(failure);
                Err(Stop::Ended(Status::NonFinite))
            }
        }
    }

    /// Solves `J p = -F` to the relative accuracy `forcing`, or as far as it goes if that is
    /// something; with the preconditioner renewed if it was old and that helps.
    fn direction(&mut self, forcing: f64) -> Result<LinearOutcome<V>, Stop> {
        let krylov = self.method.krylov.with_relative_tol(forcing);
        let rhs = self.current.f.scaled(-1.0);
        loop {
            if self.age.is_none_or(|age| age >= self.method.preconditioner_lag) {
                self.preconditioner.setup(&self.current.x)?;
                self.age = Some(0);
            }
            let jacobian = Counted::new(&self.jacobian);
            let linear = krylov.solve(&jacobian, &rhs, &self.preconditioner);
            self.counts.products += jacobian.products.get();
            let linear = linear?;
            self.counts.linear_solves += 1;
            self.counts.linear_iterations += linear.iterations;
            // Written so that NaN is no direction.
            if linear.residual_norm <= (1.0 - DIRECTION) * self.current.norm {
                return Ok(linear);
            }
            if self.age == Some(0) {
                return Err(Stop::Ended(match linear.status {
                    LinearStatus::NonFinite => Status::NonFinite,
                    _ if self.has_no_direction() => Status::LocalMinimum,
                    _ => Status::LinearSolverFailed,
                }));
            }
            self.age = None;
        }
    }

    /// The next iterate along `p`, and the fraction of `p` that leads there. `eta` is the relative
    /// residual of the linear system.
    fn search(&mut self, p: &V, eta: f64) -> Result<(Iterate<V>, f64), Stop> {
        let p_norm = p.norm()?;
        let norm = self.current.norm;
        let backtracks = self.method.globalization == Globalization::Backtracking;
        let mut lambda = 1.0;
        let mut was_finite = false;
        loop {
            let trial = self.evaluate(self.current.x.plus(lambda, p));
            let shrink = match trial {
                Some(trial) => {
                    let bound = (1.0 - ARMIJO * lambda * (1.0 - eta)) * norm;
                    if !backtracks || (trial.norm <= bound && trial.norm < norm) {
                        return Ok((trial, lambda));
                    }
                    was_finite = true;
                    // The minimum of the parabola through both squared norms with the slope at the
                    // start, which is at most -2 (1 - η) |F|².
                    let slope = 2.0 * (1.0 - eta) * lambda;
                    let ratio = (trial.norm / norm).powi(2);
                    (slope / (2.0 * (ratio - 1.0 + slope))).clamp(SHRINK_MIN, SHRINK_MAX)
                }
                None if backtracks => SHRINK_MIN,
                None => return Err(Stop::Ended(Status::NonFinite)),
            };
            lambda *= shrink;
            if lambda * p_norm <= p.unit() * self.current.x_norm || lambda < SHORTEST {
                let otherwise = if was_finite { Status::Stagnated } else { Status::NonFinite };
                return Err(Stop::Ended(self.diagnosis(otherwise)));
            }
        }
    }

    /// `F` at `x`, unless it fails or is not finite.
    fn evaluate(&mut self, x: V) -> Option<Iterate<V>> {
        self.counts.values += 1;
        let value = self.problem.value(&x);
        let attempt = value.and_then(|f| Ok((x.norm()?, f.norm()?, f)));
        match attempt {
            Ok((x_norm, norm, f)) => (x_norm.is_finite() && norm.is_finite()).then_some(Iterate {
                x,
                x_norm,
                f,
                norm,
                gradient_norm: None,
            }),
            Err(failure) => {
                self.failure = Some(failure);
                None
            }
        }
    }

    /// The gradient `g = JᵀF` of `½|F|²`, unless it fails; its norm is noted.
    fn gradient(&mut self) -> Option<(V, f64)> {
        self.counts.transposed_products += 1;
        let gradient = self.jacobian.apply_transpose(&self.current.f);
        match gradient.and_then(|g| Ok((g.norm()?, g))) {
            Ok((norm, g)) => {
                self.current.gradient_norm = Some(norm);
                norm.is_finite().then_some((g, norm))
            }
            Err(failure) => {
                self.failure = Some(failure);
                None
            }
        }
    }

    /// What it means that no step helps: a local minimum of `|F|`, a root to rounding, or
    /// `otherwise`.
    ///
    /// Moving `x` by its size `L` changes `½|F|²` by `|g| L` at most, to first order, which is to be
    /// compared with `|F|²`. Unlike PETSc's test `|g| < 1e-4 |F|` this does not depend on the units
    /// of `x` or `F`.
    fn diagnosis(&mut self, otherwise: Status) -> Status {
        let Some((_, gradient_norm)) = self.gradient() else { return otherwise };
        let travelled = self.current.x.plus(-1.0, self.start).norm().unwrap_or(0.0);
        let size = self.current.x_norm.max(travelled);
        let norm = self.current.norm;
        let sensitivity = gradient_norm / norm * size / norm;
        // At 0, without a step so far, there is no size to compare with.
        if gradient_norm == 0.0 || (size > 0.0 && sensitivity <= STATIONARY) {
            Status::LocalMinimum
        } else if sensitivity * ROUNDING_UNITS * self.start.unit() >= 1.0 {
            Status::RoundingLimit
        } else {
            otherwise
        }
    }

    /// Whether it is no fault of the linear solver that there is no direction, since `F` is
    /// orthogonal to the range of `J`: judged by the angle between `F` and `J g`.
    fn has_no_direction(&mut self) -> bool {
        let Some((g, gradient_norm)) = self.gradient() else { return false };
        if gradient_norm == 0.0 {
            return true;
        }
        self.counts.products += 1;
        let image = self.jacobian.apply(&g).and_then(|image| image.norm());
        image.is_ok_and(|image| {
            let cosine = gradient_norm / self.current.norm * (gradient_norm / image);
            cosine * cosine <= DIRECTION
        })
    }

    fn outcome(self, status: Status) -> Outcome<V> {
        let counts = self.counts();
        let best = self.best.unwrap_or(self.current);
        Outcome {
            x: best.x,
            residuals: best.f,
            residual_norm: best.norm,
            gradient_norm: best.gradient_norm,
            status,
            iterations: self.iterations,
            counts,
            history: self.history,
            failure: self.failure,
        }
    }
}

/// The bounds of the factor by which a rejected step is shortened.
const SHRINK_MIN: f64 = 0.1;
const SHRINK_MAX: f64 = 0.5;

/// The shortest fraction of a step that is tried.
const SHORTEST: f64 = 1e-20;
