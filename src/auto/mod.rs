//! Choosing a backend by measurement.

mod agreement;
mod trial;

use std::fmt;

use ad_api::{AdError, Backend, Engine, Function, Operation, Result};

use crate::{AnyBackend, BackendConfig, registry};
use agreement::Verdict;
use trial::{Problem, Trial};

/// The backend that [`BackendConfig::choose`] picked, and why.
#[derive(Debug, Clone)]
#[must_use]
pub struct Choice {
    /// The backend.
    pub backend: AnyBackend,
    /// Its description, to be written into a configuration.
    pub config: BackendConfig,
    /// Why this one, in a sentence.
    pub reason: String,
    /// What became of every candidate, in the order in which they were considered.
    pub measurements: Vec<Measurement>,
}

/// What became of one candidate.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The candidate.
    pub config: BackendConfig,
    /// How it fared.
    pub outcome: Outcome,
}

/// How a candidate fared.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// It computes the operations, and agrees with the others.
    Agrees {
        /// The shortest time for one computation of all operations, in seconds.
        seconds: f64,
        /// The largest difference from the reference, relative to the largest entry: of a vector,
        /// of a column of a Jacobian, of the diagonal of a Hessian in the row and the column.
        difference: f64,
        /// Whether its results are exact up to rounding.
        exact: bool,
    },
    /// Its results differ from those that most candidates agree on: it is not to be used here.
    Disagrees {
        /// The largest difference, relative as in [`Agrees`](Self::Agrees).
        difference: f64,
        /// The difference that its stated accuracy would allow.
        allowed: f64,
    },
    /// It reported an error.
    Failed(AdError),
    /// It was not run, since it could not have been the fastest.
    Skipped {
        /// The evaluations of the function that it needs.
        evaluations: usize,
    },
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.config)?;
        match &self.outcome {
            Outcome::Agrees { seconds, difference, .. } => {
                write!(f, "{}, relative difference {difference:.1e}", Seconds(*seconds))
            }
            Outcome::Disagrees { difference, allowed } => {
                write!(f, "disagrees by {difference:.1e}, allowed {allowed:.1e}")
            }
            Outcome::Failed(error) => write!(f, "failed: {error}"),
            Outcome::Skipped { evaluations } => {
                write!(f, "not run: its {evaluations} evaluations take too long")
            }
        }
    }
}

/// A time in the unit that suits it.
struct Seconds(f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            s if s < 1e-6 => write!(f, "{:.0} ns", s * 1e9),
            s if s < 1e-3 => write!(f, "{:.2} µs", s * 1e6),
            s if s < 1.0 => write!(f, "{:.2} ms", s * 1e3),
            s => write!(f, "{s:.2} s"),
        }
    }
}

impl BackendConfig {
    /// The backend for this function, at a typical point `x` and for these operations.
    ///
    /// A definite kind is built as it is. `auto` prepares every candidate, runs the operations and
    /// compares the results: candidates that fail, or that disagree with what most of the others
    /// find, are excluded; of the rest the fastest is taken, exact ones before approximate ones. The
    /// time is a few hundredths of a second, or one computation by each candidate where that takes
    /// longer; candidates whose bare evaluations of the function would take longer than the whole
    /// computation by another are not run.
    ///
    /// ```
    /// use ad::{BackendConfig, Operation, Outcome, prelude::*};
    /// # #[derive(Clone)] struct Sphere;
    /// # impl Function for Sphere {
    /// #     fn inputs(&self) -> usize { 5 }
    /// #     fn outputs(&self) -> usize { 1 }
    /// #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
    /// #         y[0] = x.iter().map(|&x| x * x).sum(); Ok(())
    /// #     }
    /// # }
    /// let auto: BackendConfig = "auto".parse()?;
    /// let choice = auto.choose(&Sphere, &[1.0; 5], &[Operation::Gradient])?;
    /// println!("{}: {}", choice.backend.name(), choice.reason);
    /// assert_eq!(choice.backend.gradient(&Sphere, &[1.0; 5])?.as_slice(), [2.0; 5]);
    /// # Ok::<(), ad::AdError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`build`](Self::build); the failure of `f` at `x`; where every candidate fails, the
    /// error of the first.
    pub fn choose<F: Function>(
        &self,
        f: &F,
        x: &[f64],
        operations: &[Operation],
    ) -> Result<Choice> {
        let BackendConfig::Auto { candidates } = self else {
            return Ok(Choice {
                backend: self.build()?,
                config: self.clone(),
                reason: "as configured".into(),
                measurements: Vec::new(),
            });
        };
        if operations.is_empty() {
            return Err(AdError::Setting {
                setting: "operations",
                found: "empty".into(),
                expected: "at least one operation to measure",
            });
        }
        let second_order = operations.iter().any(|&operation| is_second_order(operation));
        let candidates = match candidates.as_slice() {
            [] => default_candidates(second_order),
            given => given.to_vec(),
        };
        let problem = Problem::new(f, x, operations)?;
        let mut trials = Vec::new();
        for config in candidates {
            let backend = config.build()?;
            let exactness = relative_error(&backend, second_order);
            trials.push(Trial::new(&problem, config, backend, exactness));
        }
        run(&problem, &mut trials);
        conclude(x, operations, trials)
    }
}

fn is_second_order(operation: Operation) -> bool {
    matches!(operation, Operation::SecondDerivative | Operation::Hessian | Operation::Hvp)
}

/// All that is compiled in; for second derivatives the pairs of different engines too.
fn default_candidates(second_order: bool) -> Vec<BackendConfig> {
    let engines: Vec<BackendConfig> = registry::compiled().collect();
    let mut candidates = engines.clone();
    if second_order {
        for outer in &engines {
            let inner = engines.iter().filter(|inner| *inner != outer);
            candidates.extend(
                inner.map(|inner| BackendConfig::higher_order(outer.clone(), inner.clone())),
            );
        }
    }
    candidates
}

/// The relative error to be expected of the results, `f64::EPSILON` if they are exact.
///
/// An approximate outer engine differentiates first derivatives that are only as good as the inner
/// engine makes them; a step that balances both errors leaves half of the digits.
fn relative_error(backend: &AnyBackend, second_order: bool) -> f64 {
    let inner = backend.inner().accuracy().relative();
    if !second_order {
        return inner;
    }
    let worst = inner.max(backend.outer().accuracy().relative());
    if worst > f64::EPSILON { worst.sqrt() } else { worst }
}

/// Runs the trials, the cheapest by their stated number of evaluations first.
fn run<F: Function>(problem: &Problem<'_, F>, trials: &mut [Trial]) {
    let mut order: Vec<usize> = (0..trials.len()).collect();
    order.sort_by_key(|&i| trials[i].evaluations);
    let mut best = f64::INFINITY;
    for i in order {
        let trial = &mut trials[i];
        trial.run(problem, best);
        if let (Some(seconds), true) = (trial.seconds(), trial.is_exact()) {
            best = best.min(seconds);
        }
    }
}

/// Judges the trials and picks the fastest.
fn conclude(x: &[f64], operations: &[Operation], trials: Vec<Trial>) -> Result<Choice> {
    let outcomes: Vec<Outcome> = agreement::judge(&trials, x)
        .into_iter()
        .zip(&trials)
        .map(|(verdict, trial)| match (verdict, &trial.result) {
            (_, trial::Run::Failed(error)) => Outcome::Failed(error.clone()),
            (_, trial::Run::Skipped) => Outcome::Skipped { evaluations: trial.evaluations },
            (Verdict::Disagrees { difference, allowed }, _) => {
                Outcome::Disagrees { difference, allowed }
            }
            (Verdict::Agrees { difference }, trial::Run::Done { seconds, .. }) => {
                Outcome::Agrees { seconds: *seconds, difference, exact: trial.is_exact() }
            }
        })
        .collect();

    // Exact before approximate; within 10 % of the fastest, which is noise, the first on the list.
    let fitting = |wanted: bool| {
        outcomes.iter().enumerate().filter_map(move |(i, outcome)| match outcome {
            Outcome::Agrees { seconds, exact, .. } if *exact == wanted => Some((i, *seconds)),
            _ => None,
        })
    };
    let any_exact = fitting(true).next().is_some();
    let fastest = fitting(any_exact).map(|(_, s)| s).fold(f64::INFINITY, f64::min);
    let Some((winner, seconds)) = fitting(any_exact).find(|&(_, s)| s <= fastest * 1.1) else {
        let error = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Failed(error) => Some(error.clone()),
            _ => None,
        });
        return Err(error.unwrap_or(AdError::Unsupported {
            backend: "auto".into(),
            operation: operations[0].name(),
            reason: "no two candidates agree on the result".into(),
        }));
    };
    let next = fitting(any_exact)
        .filter(|&(i, _)| i != winner)
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(i, s)| (&trials[i].config, s));
    let reason = reason(operations, seconds, any_exact, next, &trials, &outcomes);
    let backend = trials[winner].backend.clone();
    let config = trials[winner].config.clone();
    let measurements = trials
        .into_iter()
        .zip(outcomes)
        .map(|(trial, outcome)| Measurement { config: trial.config, outcome })
        .collect();
    Ok(Choice { backend, config, reason, measurements })
}

fn reason(
    operations: &[Operation],
    seconds: f64,
    exact: bool,
    next: Option<(&BackendConfig, f64)>,
    trials: &[Trial],
    outcomes: &[Outcome],
) -> String {
    let names: Vec<_> = operations.iter().map(|operation| operation.name()).collect();
    let mut parts = vec![match next {
        Some((config, other)) if other >= seconds => {
            let ratio = other / seconds;
            let names = names.join(" and ");
            let seconds = Seconds(seconds);
            format!("{seconds} for {names}, the next, `{config}`, takes {ratio:.1} times as long")
        }
        Some((config, _)) => {
            format!("{} for {}, as fast as `{config}`", Seconds(seconds), names.join(" and "))
        }
        None => format!("{} for {}, the only one left", Seconds(seconds), names.join(" and ")),
    }];
    if !exact {
        parts.push("approximate, since no exact candidate is left".into());
    }
    parts.push(match outcomes.iter().filter(|o| matches!(o, Outcome::Agrees { .. })).count() {
        1 => "no other result to compare with".into(),
        n => format!("{n} candidates agree"),
    });
    let excluded: Vec<String> = trials
        .iter()
        .zip(outcomes)
        .filter_map(|(trial, outcome)| match outcome {
            Outcome::Failed(_) => Some(format!("`{}` (failed)", trial.config)),
            Outcome::Disagrees { .. } => Some(format!("`{}` (disagrees)", trial.config)),
            _ => None,
        })
        .collect();
    if !excluded.is_empty() {
        parts.push(format!("excluded: {}", excluded.join(", ")));
    }
    let skipped = trials.iter().filter(|trial| matches!(trial.result, trial::Run::Skipped));
    let skipped: Vec<(&BackendConfig, usize)> = skipped.map(|t| (&t.config, t.at_least)).collect();
    match skipped.as_slice() {
        [] => {}
        [(config, n)] => parts.push(format!("not run: `{config}` (at least {n} evaluations)")),
        several => {
            let least = several.iter().map(|&(_, n)| n).min().unwrap_or_default();
            let several = several.len();
            parts
                .push(format!("not run: {several} candidates (at least {least} evaluations each)"));
        }
    }
    parts.join("; ")
}
