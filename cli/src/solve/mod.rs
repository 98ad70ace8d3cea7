//! Solves: a system, a backend and a method in, a root out.
//!
//! | backend | runs on | through |
//! |---|---|---|
//! | `native-reverse`, `burn`, `candle` | arrays, on their device | [`OnDevice`] |
//! | the others | numbers, on the host | [`OnHost`] over [`Flat`] |
//!
//! A pair solves as its inner backend does, which has the first derivatives.

pub mod report;
mod system;

use std::ops::ControlFlow;
use std::time::Instant;

use ad::{AnyBackend, BackendConfig, Device, Precision};
use ad_algorithms::SolveError;
use ad_algorithms::matrix_free::{
    BiCgStab, Cgls, Differentiable, GaussNewton, Gmres, Identity, Krylov, LeastSquares, LinearStop,
    NewtonKrylov, OnDevice, OnHost, Outcome, Preconditioner, Progress, Status, Step, Vector,
};
use ad_algorithms::problems::Problem;
use ad_api::array::{ArrayBackend, Flat};
use ad_api::{Accuracy, Backend, Engine};
use clap::ValueEnum;
use nalgebra::DVector;
use serde::Serialize;

use crate::InputError;
pub use system::{Inverse, Parameters, System, SystemName};

/// The methods for a root of many unknowns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MethodName {
    /// Newton's method with products J v, for J p = -F by a Krylov method
    #[value(alias = "nk")]
    NewtonKrylov,
    /// Inexact Gauss-Newton with products J v and Jᵀ w, for the least |F|
    #[value(alias = "gn")]
    GaussNewton,
}

/// The solvers of the linear systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinearName {
    /// Newton-Krylov: the least residual in every iteration
    Gmres,
    /// Newton-Krylov: little memory
    #[value(name = "bicgstab")]
    #[serde(rename = "bicgstab")]
    BiCgStab,
    /// Gauss-Newton: MINRES on the normal equations
    Lsmr,
    /// Gauss-Newton: conjugate gradients on the normal equations
    Cgls,
}

/// The preconditioners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreconditionerName {
    /// The inverse of the Laplacian, by sine transforms
    Poisson,
    /// None
    None,
}

/// The name of a value on the command line.
pub(crate) fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().into())
}

/// How to solve, as the user says it.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// The method.
    pub method: MethodName,
    /// What solves its linear systems. Default: `gmres` or `lsmr`.
    pub linear: Option<LinearName>,
    /// The preconditioner. Default: `poisson` where there is one and the method has use for it.
    pub preconditioner: Option<PreconditionerName>,
    /// The residual norm to reach. Default: 1e-10, or this fraction of what it is at the start.
    pub tolerance: Option<f64>,
    /// The most steps.
    pub max_iterations: usize,
}

/// A [`Request`] that fits a system.
struct Plan {
    solver: Solver,
    linear: LinearName,
    preconditioner: PreconditionerName,
    inverse: Inverse,
}

enum Solver {
    NewtonKrylov(NewtonKrylov),
    GaussNewton(GaussNewton),
}

/// What an iteration shows while it runs.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Steps so far.
    pub iteration: usize,
    /// The residual norm.
    pub residual_norm: f64,
    /// Linear iterations so far.
    pub linear_iterations: usize,
    /// The share of the way to the tolerance, on a logarithmic scale.
    pub share: f64,
}

/// A finished solve; as JSON, what `ad solve --json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Solution {
    /// The system.
    pub problem: SystemName,
    /// The number of unknowns.
    pub unknowns: usize,
    /// The name of the backend.
    pub backend: String,
    /// Where it computes.
    pub device: Device,
    /// In which precision.
    pub precision: Precision,
    /// The method.
    pub method: MethodName,
    /// What solved the linear systems.
    pub linear: LinearName,
    /// Their preconditioner.
    pub preconditioner: PreconditionerName,
    /// Why it ended, as a name.
    pub status: &'static str,
    /// Whether it ended in a root.
    pub converged: bool,
    /// The norm of the residuals at the solution.
    pub residual_norm: f64,
    /// The least entry of the solution.
    pub minimum: f64,
    /// The largest entry of the solution.
    pub maximum: f64,
    /// The largest difference to the solution in closed form, if there is one.
    pub largest_error: Option<f64>,
    /// Steps tried.
    pub iterations: usize,
    /// Work done.
    pub counts: Counts,
    /// The time that it took.
    pub seconds: f64,
    /// The start and every iteration.
    pub history: Vec<Iteration>,
    /// The solution.
    #[serde(skip)]
    pub x: Vec<f64>,
    /// Why it ended, in words.
    #[serde(skip)]
    pub reason: String,
    /// The last failure on the way, if any.
    #[serde(skip)]
    pub failure: Option<String>,
    /// The accuracy of the derivatives.
    #[serde(skip)]
    pub accuracy: Accuracy,
}

/// The work of a [`Solution`], in calls of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Evaluations of `F` alone.
    pub values: usize,
    /// Evaluations of `F` with its linearization.
    pub linearizations: usize,
    /// Products with `J`.
    pub products: usize,
    /// Products with `Jᵀ`.
    pub transposed_products: usize,
    /// Applications of the preconditioner.
    pub preconditioner_applications: usize,
    /// Iterations of the linear solver.
    pub linear_iterations: usize,
}

/// One line of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Iteration {
    /// The residual norm.
    pub residual_norm: f64,
    /// The relative accuracy asked of the linear solver.
    pub forcing: f64,
    /// Iterations of the linear solver.
    pub linear_iterations: usize,
    /// The fraction of the step that was taken; 0 if it was rejected.
    pub step_length: f64,
    /// The damping of the step; 0 for Newton-Krylov.
    pub damping: f64,
}

impl Plan {
    fn new(system: &System, request: &Request) -> Result<Self, InputError> {
        let linear = request.linear.unwrap_or(match request.method {
            MethodName::NewtonKrylov => LinearName::Gmres,
            MethodName::GaussNewton => LinearName::Lsmr,
        });
        let unsuited = |option, reason: &str| InputError::Unsuited {
            option,
            what: format!("--method {}", name(&request.method)),
            reason: reason.into(),
        };
        let newton = NewtonKrylov::default();
        let residual_tol = request.tolerance.unwrap_or(newton.residual_tol);
        let relative_tol = if request.tolerance.is_some() { 0.0 } else { newton.relative_tol };
        let max_iterations = request.max_iterations;
        let krylov = |krylov| {
            let settings =
                NewtonKrylov { residual_tol, relative_tol, max_iterations, krylov, ..newton };
            Solver::NewtonKrylov(settings)
        };
        let least_squares = |linear| {
            let settings =
                GaussNewton { residual_tol, max_iterations, linear, ..GaussNewton::default() };
            Solver::GaussNewton(settings)
        };
        let solver = match (request.method, linear) {
            (MethodName::NewtonKrylov, LinearName::Gmres) => {
                krylov(Krylov::Gmres(Gmres::default()))
            }
            (MethodName::NewtonKrylov, LinearName::BiCgStab) => {
                krylov(Krylov::BiCgStab(BiCgStab { stop: LinearStop::default() }))
            }
            (MethodName::GaussNewton, LinearName::Lsmr) => least_squares(LeastSquares::default()),
            (MethodName::GaussNewton, LinearName::Cgls) => {
                least_squares(LeastSquares::Cgls(Cgls::default()))
            }
            (MethodName::NewtonKrylov, _) => {
                return Err(unsuited("--linear", "it solves by `gmres` or `bicgstab`"));
            }
            (MethodName::GaussNewton, _) => {
                return Err(unsuited("--linear", "it solves by `lsmr` or `cgls`"));
            }
        };
        let is_newton = request.method == MethodName::NewtonKrylov;
        let preconditioner = request.preconditioner.unwrap_or({
            let poisson = is_newton && system.name().has_poisson();
            if poisson { PreconditionerName::Poisson } else { PreconditionerName::None }
        });
        let inverse = match preconditioner {
            PreconditionerName::None => Inverse::Identity(Identity),
            PreconditionerName::Poisson if is_newton => system.poisson()?,
            PreconditionerName::Poisson => {
                return Err(unsuited("--preconditioner", "`newton-krylov` takes one"));
            }
        };
        Ok(Plan { solver, linear, preconditioner, inverse })
    }
}

impl Solver {
    fn solve<V: Vector, P: Differentiable<V>, M: Preconditioner<V>>(
        &self,
        problem: &mut P,
        start: &V,
        preconditioner: &mut M,
        mut watch: impl FnMut(Seen),
    ) -> Result<Outcome<V>, SolveError> {
        let (residual_tol, relative_tol) = match self {
            Solver::NewtonKrylov(method) => (method.residual_tol, method.relative_tol),
            Solver::GaussNewton(method) => (method.residual_tol, 0.0),
        };
        let mut first = None;
        let observer = |progress: &Progress<'_, V>| {
            let norm = progress.step.residual_norm;
            let first = *first.get_or_insert(norm);
            let whole = (first / residual_tol.max(relative_tol * first)).ln();
            watch(Seen {
                iteration: progress.iteration,
                residual_norm: norm,
                linear_iterations: progress.counts.linear_iterations,
                share: ((first / norm).ln() / whole).clamp(0.0, 1.0),
            });
            ControlFlow::Continue(())
        };
        match self {
            Solver::NewtonKrylov(method) => {
                method.solve_observed(problem, start, preconditioner, observer)
            }
            Solver::GaussNewton(method) => method.minimize_observed(problem, start, observer),
        }
    }
}

impl Solution {
    /// Solves `system` from its start, and shows every iteration to `watch`.
    ///
    /// # Errors
    ///
    /// [`InputError::Unsuited`] if the request does not fit the system, [`InputError::System`] if
    /// residuals or derivatives cannot be had at the start.
    pub fn run(
        system: &System,
        config: &BackendConfig,
        request: &Request,
        watch: impl FnMut(Seen),
    ) -> Result<Self, InputError> {
        if matches!(config, BackendConfig::Auto { .. }) {
            return Err(InputError::Unsuited {
                option: "--backend auto",
                what: "`ad solve`".into(),
                reason: "it compares whole Jacobians, and a system of many unknowns has none; \
                         name a backend from `ad backends`"
                    .into(),
            });
        }
        let backend = config.build()?;
        let plan = Plan::new(system, request)?;
        let engine = backend.inner();
        let run = match engine {
            AnyBackend::NativeReverse(engine) => on_device(system, *engine, &plan, watch)?,
            #[cfg(feature = "burn")]
            AnyBackend::Burn(engine) => on_device(system, engine.clone(), &plan, watch)?,
            #[cfg(feature = "candle")]
            AnyBackend::Candle(engine) => on_device(system, engine.clone(), &plan, watch)?,
            engine => on_host(system, engine.clone(), &plan, watch)?,
        };
        let (device, precision) = place(config);
        let error = |answer: Vec<f64>| {
            run.x.iter().zip(answer).map(|(x, answer)| (x - answer).abs()).fold(0.0, f64::max)
        };
        Ok(Solution {
            problem: system.name(),
            unknowns: system.unknowns(),
            backend: backend.name(),
            device,
            precision,
            method: request.method,
            linear: plan.linear,
            preconditioner: plan.preconditioner,
            status: status_name(run.status),
            converged: run.status.is_converged(),
            residual_norm: run.residual_norm,
            minimum: run.x.iter().copied().fold(f64::INFINITY, f64::min),
            maximum: run.x.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            largest_error: system.answer().map(error),
            iterations: run.iterations,
            counts: run.counts,
            seconds: run.seconds,
            history: run.history,
            x: run.x,
            reason: run.status.to_string(),
            failure: run.failure,
            accuracy: engine.accuracy(),
        })
    }
}

/// An [`Outcome`] on the host.
struct Run {
    x: Vec<f64>,
    residual_norm: f64,
    status: Status,
    iterations: usize,
    counts: Counts,
    history: Vec<Iteration>,
    failure: Option<String>,
    seconds: f64,
}

fn on_device<E: ArrayBackend>(
    system: &System,
    engine: E,
    plan: &Plan,
    watch: impl FnMut(Seen),
) -> Result<Run, InputError> {
    let mut problem = OnDevice::new(engine, system.clone());
    let start = problem.vector(&system.start())?;
    run(&mut problem, &start, plan, watch)
}

fn on_host(
    system: &System,
    backend: AnyBackend,
    plan: &Plan,
    watch: impl FnMut(Seen),
) -> Result<Run, InputError> {
    let mut problem = OnHost::new(backend, Flat::new(system.clone()));
    run(&mut problem, &DVector::from_vec(system.start()), plan, watch)
}

fn run<V: Vector, P: Differentiable<V>>(
    problem: &mut P,
    start: &V,
    plan: &Plan,
    watch: impl FnMut(Seen),
) -> Result<Run, InputError>
where
    Inverse: Preconditioner<V>,
{
    let mut inverse = plan.inverse.clone();
    let clock = Instant::now();
    let outcome =
        plan.solver.solve(problem, start, &mut inverse, watch).map_err(InputError::System)?;
    let seconds = clock.elapsed().as_secs_f64();
    let iteration = |step: &Step| Iteration {
        residual_norm: step.residual_norm,
        forcing: step.forcing,
        linear_iterations: step.linear_iterations,
        step_length: step.step_length,
        damping: step.damping,
    };
    let counts = outcome.counts;
    Ok(Run {
        x: outcome.x.to_host()?,
        residual_norm: outcome.residual_norm,
        status: outcome.status,
        iterations: outcome.iterations,
        counts: Counts {
            values: counts.values,
            linearizations: counts.linearizations,
            products: counts.products,
            transposed_products: counts.transposed_products,
            preconditioner_applications: counts.preconditioner_applications,
            linear_iterations: counts.linear_iterations,
        },
        history: outcome.history.iter().map(iteration).collect(),
        failure: outcome.failure.map(|failure| failure.to_string()),
        seconds,
    })
}

/// Where a backend computes, and in which precision.
fn place(config: &BackendConfig) -> (Device, Precision) {
    match config {
        BackendConfig::Burn { device, precision } | BackendConfig::Candle { device, precision } => {
            let device = device.unwrap_or(Device::Cpu);
            let usual = if device == Device::Wgpu { Precision::F32 } else { Precision::F64 };
            (device, precision.unwrap_or(usual))
        }
        BackendConfig::HigherOrder { inner, .. } => place(inner),
        _ => (Device::Cpu, Precision::F64),
    }
}

/// The name of a status in JSON, which scripts rely on.
fn status_name(status: Status) -> &'static str {
    match status {
        Status::SmallResidual => "SmallResidual",
        Status::SmallGradient => "SmallGradient",
        Status::SmallStep => "SmallStep",
        Status::RoundingLimit => "RoundingLimit",
        Status::IterationLimit => "IterationLimit",
        Status::Stagnated => "Stagnated",
        Status::Stalled => "Stalled",
        Status::Diverged => "Diverged",
        Status::LocalMinimum => "LocalMinimum",
        Status::NonFinite => "NonFinite",
        Status::LinearSolverFailed => "LinearSolverFailed",
        Status::StoppedByObserver => "StoppedByObserver",
        _ => "Other",
    }
}
