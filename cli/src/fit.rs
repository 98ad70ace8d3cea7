//! Fits: a problem, a backend and a method in, estimates out.

use std::ops::ControlFlow;
use std::time::Instant;

use ad::AnyBackend;
use ad_algorithms::{
    Covariance, GaussNewton, LevenbergMarquardt, Method, Options, Outcome, Progress, SolveError,
    Status,
};
use ad_api::Engine;
use clap::ValueEnum;
use serde::Serialize;

use crate::InputError;
use crate::model::{FitFunction, Output};
use crate::problem::{Problem, Start};

/// The least-squares methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MethodName {
    /// Levenberg-Marquardt: a trust region around each linear model
    #[value(alias = "lm")]
    LevenbergMarquardt,
    /// Gauss-Newton: the full linear solution, shortened by a line search
    #[value(alias = "gn")]
    GaussNewton,
}

impl MethodName {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            MethodName::LevenbergMarquardt => "levenberg-marquardt",
            MethodName::GaussNewton => "gauss-newton",
        }
    }

    fn minimize(
        self,
        options: Options,
        backend: &AnyBackend,
        residuals: &FitFunction,
        start: &[f64],
        observer: impl FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Outcome, SolveError> {
        match self {
            MethodName::LevenbergMarquardt => LevenbergMarquardt { options, ..Default::default() }
                .minimize_observed(backend, residuals, start, observer),
            MethodName::GaussNewton => GaussNewton { options, ..Default::default() }
                .minimize_observed(backend, residuals, start, observer),
        }
    }
}

/// A finished fit; as JSON, what `ad fit --json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Fit {
    /// The name of the data set.
    pub problem: String,
    /// The name of the backend.
    pub backend: String,
    /// The method.
    pub method: MethodName,
    /// Where it started.
    pub start: Start,
    /// Why it ended, as a name.
    pub status: &'static str,
    /// Whether it ended in a stationary point.
    pub converged: bool,
    /// The residual sum of squares at the estimates.
    pub rss: f64,
    /// The parameters.
    pub parameters: Vec<Estimate>,
    /// Trial steps, accepted or not.
    pub iterations: usize,
    /// Work done.
    pub counts: Counts,
    /// The time that the fit took.
    pub seconds: f64,
    /// The parameters that the data do not determine at the estimates.
    #[serde(skip)]
    pub undetermined: Vec<String>,
    /// Why it ended, in words.
    #[serde(skip)]
    pub reason: String,
    /// The square root of the residual sum of squares over the degrees of freedom, if there are any.
    #[serde(skip)]
    pub residual_standard_deviation: Option<f64>,
    /// The residual sum of squares that the file certifies.
    #[serde(skip)]
    pub certified_rss: Option<f64>,
    /// The start and every iteration.
    #[serde(skip)]
    pub trace: Vec<Iteration>,
}

/// One parameter of a [`Fit`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Its name.
    pub name: String,
    /// Its value at the best point.
    pub estimate: f64,
    /// Its standard error, if the data determine it.
    pub standard_error: Option<f64>,
    /// Its certified value, if the file has one.
    pub certified: Option<f64>,
    /// The digits in which estimate and certified value agree.
    pub digits: Option<f64>,
}

/// The work of a [`Fit`], in calls of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Evaluations of the residuals that the method asked for.
    pub residuals: usize,
    /// Jacobians that the method asked for, each with the residuals.
    pub jacobians: usize,
    /// Linear least-squares problems.
    pub linear_solves: usize,
    /// Trial points that were rejected.
    pub rejected: usize,
    /// Those of them where residuals or Jacobian were not finite.
    pub invalid: usize,
    /// Evaluations of the model in all, those inside of the backend included.
    pub evaluations: usize,
}

/// One line of the protocol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Iteration {
    /// Trial steps so far.
    pub number: usize,
    /// Whether the last step was taken.
    pub accepted: bool,
    /// The residual sum of squares at the iterate.
    pub rss: f64,
    /// The cosine of the angle between the residuals and the range of their Jacobian.
    pub cosine: f64,
    /// The length of the last step, scaled.
    pub step: f64,
    /// The damping of the last step.
    pub damping: f64,
}

impl Fit {
    /// Fits `problem` from `values`, the values of `start`.
    ///
    /// # Errors
    ///
    /// [`InputError::Solve`] if residuals or derivatives cannot be had at the start.
    pub fn run(
        problem: &Problem,
        (start, values): (Start, &[f64]),
        backend: &AnyBackend,
        method: MethodName,
        max_iterations: usize,
    ) -> Result<Self, InputError> {
        let residuals = problem.function(Output::Residuals)?;
        let options = Options { max_iterations, ..Options::default() };
        let mut trace = Vec::new();
        let clock = Instant::now();
        let outcome = method.minimize(options, backend, &residuals, values, |progress| {
            trace.push(Iteration {
                number: progress.iteration,
                accepted: progress.accepted,
                rss: progress.rss,
                cosine: progress.cosine,
                step: progress.step,
                damping: progress.damping,
            });
            ControlFlow::Continue(())
        })?;
        let seconds = clock.elapsed().as_secs_f64();
        let covariance = outcome.covariance();
        let counts = outcome.counts;
        Ok(Fit {
            problem: problem.name.clone(),
            backend: backend.name(),
            method,
            start,
            status: status_name(outcome.status),
            converged: outcome.status.is_converged(),
            rss: outcome.rss,
            parameters: estimates(
                problem,
                outcome.x.as_slice(),
                covariance.as_ref().map(Covariance::standard_errors).as_deref(),
            ),
            iterations: outcome.iterations,
            counts: Counts {
                residuals: counts.residuals,
                jacobians: counts.jacobians,
                linear_solves: counts.linear_solves,
                rejected: counts.rejected,
                invalid: counts.invalid,
                evaluations: residuals.take_evaluations(),
            },
            seconds,
            undetermined: covariance
                .iter()
                .flat_map(Covariance::unidentifiable)
                .map(|j| problem.parameters[j].clone())
                .collect(),
            reason: outcome.status.to_string(),
            residual_standard_deviation: covariance.map(|c| c.residual_standard_deviation()),
            certified_rss: problem.certified.as_ref().map(|certified| certified.rss),
            trace,
        })
    }

    /// The estimates alone.
    pub fn estimates(&self) -> Vec<f64> {
        self.parameters.iter().map(|parameter| parameter.estimate).collect()
    }

    /// The digits of the worst parameter, if the file certifies values.
    pub fn digits(&self) -> Option<f64> {
        self.parameters.iter().filter_map(|parameter| parameter.digits).reduce(f64::min)
    }
}

/// The name of a status in JSON, which scripts rely on.
fn status_name(status: Status) -> &'static str {
    match status {
        Status::SmallGradient => "SmallGradient",
        Status::SmallDecrease => "SmallDecrease",
        Status::SmallStep => "SmallStep",
        Status::ZeroResidual => "ZeroResidual",
        Status::RoundingLimit => "RoundingLimit",
        Status::IterationLimit => "IterationLimit",
        Status::EvaluationLimit => "EvaluationLimit",
        Status::RankDeficient => "RankDeficient",
        Status::Stalled => "Stalled",
        Status::Diverged => "Diverged",
        Status::StoppedByObserver => "StoppedByObserver",
        _ => "Other",
    }
}

fn estimates(problem: &Problem, x: &[f64], errors: Option<&[Option<f64>]>) -> Vec<Estimate> {
    let certified = problem.certified.as_ref();
    let parameter = |(j, name): (usize, &String)| {
        let certified = certified.map(|certified| certified.estimates[j]);
        Estimate {
            name: name.clone(),
            estimate: x[j],
            standard_error: errors.and_then(|errors| errors[j]),
            certified,
            digits: certified.map(|certified| log_relative_error(x[j], certified)),
        }
    };
    problem.parameters.iter().enumerate().map(parameter).collect()
}

/// The digits in which `value` and `certified` agree: `-log₁₀(|q - c|/|c|)`, from 0 to 11, the digits
/// that NIST certifies. For `c = 0` the error is absolute.
///
/// # References
///
/// B. D. McCullough, *Assessing the reliability of statistical software: part I*, The American
/// Statistician 52 (1998) 358-366.
#[allow(clippy::doc_markdown, reason = "the name of an author")]
pub fn log_relative_error(value: f64, certified: f64) -> f64 {
    let scale = if certified == 0.0 { 1.0 } else { certified.abs() };
    let digits = -((value - certified).abs() / scale).log10();
    if digits.is_nan() { 0.0 } else { digits.clamp(0.0, 11.0) }
}
