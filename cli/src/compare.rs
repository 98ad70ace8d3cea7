//! All backends side by side on the derivatives of one fit.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use ad::{AnyBackend, BackendConfig, backends, pairs};
use ad_api::{Accuracy, Backend, Engine, Operation, Prepared};
use nalgebra::DMatrix;

use crate::InputError;
use crate::model::{FitFunction, Output};
use crate::problem::{Problem, Start};
use crate::report;
use crate::text::{Align, Table, count, duration, scientific};

/// Time spent on each backend, or the time of one call where that is longer.
const BUDGET: Duration = Duration::from_millis(20);

/// A derivative by one backend.
struct Measured {
    backend: String,
    accuracy: Accuracy,
    result: Result<Run, String>,
}

struct Run {
    matrix: DMatrix<f64>,
    evaluations: usize,
    seconds: f64,
}

/// What `ad compare` prints.
///
/// # Errors
///
/// [`InputError`] if the derivatives of the model cannot be had with any backend.
pub fn text(problem: &Problem, start: &Start, values: &[f64]) -> Result<String, InputError> {
    let model = problem.function(Output::Model)?;
    let objective = model.with_output(Output::Objective);
    let auto = BackendConfig::Auto { candidates: Vec::new() };
    let (n, m) = (problem.parameters.len(), problem.observed.len());
    let mut out = String::new();
    let _ =
        writeln!(out, "{}: {} = {}", problem.name, problem.response.text(), problem.model.text());
    let _ = writeln!(
        out,
        "{}, {}; at {}",
        count(m, "row"),
        count(n, "parameter"),
        report::start(start),
    );

    let jacobians: Vec<_> = backends()
        .iter()
        .map(|backend| {
            let shape = (m, n);
            measure(backend, &model, values, shape, |prepared, jacobian| {
                prepared.jacobian_into(values, jacobian)
            })
        })
        .collect();
    let choice = auto.choose(&model, values, &[Operation::Jacobian])?;
    let _ = writeln!(
        out,
        "\nJacobian of the model, {m} x {n}; differences relative to the largest entry of a column\n"
    );
    out.push_str(&table(&jacobians, jacobian_difference).to_string());
    let _ = writeln!(out, "\n  auto would pick {}: {}", choice.backend.name(), choice.reason);

    let different = |pair: &AnyBackend| pair.outer().name() != pair.inner().name();
    let hessians: Vec<_> = backends()
        .into_iter()
        .chain(pairs().into_iter().filter(different))
        .map(|backend| {
            measure(&backend, &objective, values, (n, n), |prepared, hessian| {
                prepared.hessian_into(values, hessian)
            })
        })
        .collect();
    let choice = auto.choose(&objective, values, &[Operation::Hessian])?;
    let _ = writeln!(
        out,
        "\nHessian of half the residual sum of squares, {n} x {n}; differences relative to the diagonal\n"
    );
    out.push_str(&table(&hessians, hessian_difference).to_string());
    let _ = writeln!(out, "\n  auto would pick {}: {}", choice.backend.name(), choice.reason);
    Ok(out)
}

/// Computes a matrix as often as the budget allows, at least once, and takes the shortest time.
fn measure(
    backend: &AnyBackend,
    f: &FitFunction,
    x: &[f64],
    (rows, columns): (usize, usize),
    compute: impl Fn(
        &mut <AnyBackend as Backend>::Prepared<FitFunction>,
        &mut DMatrix<f64>,
    ) -> ad_api::Result<()>,
) -> Measured {
    let run = || -> ad_api::Result<Run> {
        let mut prepared = backend.prepare(f, x)?;
        let mut matrix = DMatrix::zeros(rows, columns);
        f.take_evaluations();
        let begin = Instant::now();
        compute(&mut prepared, &mut matrix)?;
        let evaluations = f.take_evaluations();
        let mut shortest = begin.elapsed();
        while begin.elapsed() < BUDGET {
            let clock = Instant::now();
            compute(&mut prepared, &mut matrix)?;
            shortest = shortest.min(clock.elapsed());
        }
        let seconds = shortest.as_secs_f64();
        Ok(Run { matrix, evaluations, seconds })
    };
    Measured {
        backend: backend.name(),
        accuracy: backend.outer().accuracy().max_of(backend.inner().accuracy()),
        result: run().map_err(|error| error.to_string()),
    }
}

fn table(measured: &[Measured], difference: fn(&DMatrix<f64>, &DMatrix<f64>) -> f64) -> Table {
    use Align::{Left, Right};
    let works = |m: &&Measured| m.result.is_ok();
    let exact = measured.iter().filter(works).find(|m| m.accuracy == Accuracy::Exact);
    let reference = exact.or_else(|| measured.iter().find(works));
    let mut table = Table::new([
        ("backend", Left),
        ("difference", Right),
        ("evaluations", Right),
        ("time", Right),
    ]);
    for Measured { backend, result, .. } in measured {
        match (result, reference.and_then(|reference| reference.result.as_ref().ok())) {
            (Ok(run), Some(reference)) => {
                let difference = if std::ptr::eq(run, reference) {
                    "reference".into()
                } else {
                    scientific(difference(&run.matrix, &reference.matrix), 1)
                };
                table.row([
                    backend.clone(),
                    difference,
                    run.evaluations.to_string(),
                    duration(run.seconds),
                ]);
            }
            (Err(error), _) => table.row([
                backend.clone(),
                "-".into(),
                "-".into(),
                "-".into(),
                format!("failed: {error}"),
            ]),
            (Ok(_), None) => {}
        }
    }
    table
}

/// The largest difference of entries, each relative to the largest of its column: parameters of very
/// different size count alike.
fn jacobian_difference(a: &DMatrix<f64>, reference: &DMatrix<f64>) -> f64 {
    largest(a, reference, |_, j| reference.column(j).amax())
}

/// The largest difference of entries, each relative to `√(|Hᵢᵢ Hⱼⱼ|)`, which has its units.
fn hessian_difference(a: &DMatrix<f64>, reference: &DMatrix<f64>) -> f64 {
    largest(a, reference, |i, j| {
        (reference[(i, i)] * reference[(j, j)]).abs().sqrt().max(reference[(i, j)].abs())
    })
}

fn largest(a: &DMatrix<f64>, reference: &DMatrix<f64>, scale: impl Fn(usize, usize) -> f64) -> f64 {
    let mut largest = 0.0_f64;
    for j in 0..a.ncols() {
        for i in 0..a.nrows() {
            let (a, b) = (a[(i, j)], reference[(i, j)]);
            if a == b || (a.is_nan() && b.is_nan()) {
                continue;
            }
            let difference = (a - b).abs() / scale(i, j).max(f64::MIN_POSITIVE);
            // A NaN on one side only must not vanish in the maximum.
            largest = if difference.is_nan() { f64::INFINITY } else { largest.max(difference) };
        }
    }
    largest
}

/// The worse of two accuracies.
trait Worse {
    fn max_of(self, other: Self) -> Self;
}

impl Worse for Accuracy {
    fn max_of(self, other: Self) -> Self {
        if self.relative() < other.relative() { other } else { self }
    }
}
