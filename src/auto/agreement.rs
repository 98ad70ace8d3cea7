//! Which results to believe: those that most candidates find.

use nalgebra::DMatrix;

use super::trial::{Run, Trial, Values};

/// Whether a result is the one that most candidates find.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    Agrees { difference: f64 },
    Disagrees { difference: f64, allowed: f64 },
}

/// A stated accuracy is that of a function of unit scale; conditioning takes digits away.
const CONDITION: f64 = 1e4;

/// The difference between two results that their stated errors allow.
fn allowed(a: &Trial, b: &Trial) -> f64 {
    (CONDITION * a.relative_error.max(b.relative_error)).min(0.1)
}

/// The share of the largest influence below which an influence is only rounding, perhaps. The
/// influence of an input is its derivative times the input itself, which has the units of the output.
const NEGLIGIBLE: f64 = 1e-2;

/// The largest difference at `x`, relative to the largest entry of a vector, of a column of a
/// Jacobian, or to `√|hᵢᵢ hⱼⱼ|` in a Hessian: inputs of very different size count alike. Infinities
/// and NaNs must coincide.
fn difference(a: &[Values], b: &[Values], x: &[f64]) -> f64 {
    let differences = a.iter().zip(b).map(|(a, b)| match (a, b) {
        (Values::Vector(a), Values::Vector(b)) => {
            let scale = size(a.iter().chain(b));
            worst(a.iter().zip(b).map(|(&a, &b)| gap(a, b, scale)))
        }
        (Values::Jacobian(a), Values::Jacobian(b)) => jacobian_difference(a, b, x),
        (Values::Hessian(a), Values::Hessian(b)) => hessian_difference(a, b, x),
        _ => f64::INFINITY,
    });
    worst(differences)
}

fn jacobian_difference(a: &DMatrix<f64>, b: &DMatrix<f64>, x: &[f64]) -> f64 {
    let columns = || a.column_iter().zip(b.column_iter());
    let sizes: Vec<f64> = columns().map(|(a, b)| size(a.iter().chain(b.iter()))).collect();
    let influence = sizes.iter().zip(x).map(|(size, &x)| size * unit(x)).fold(0.0, f64::max);
    worst(columns().zip(sizes.iter().zip(x)).map(|((a, b), (size, &x))| {
        let scale = size.max(NEGLIGIBLE * influence / unit(x));
        worst(a.iter().zip(b.iter()).map(|(&a, &b)| gap(a, b, scale)))
    }))
}

fn hessian_difference(a: &DMatrix<f64>, b: &DMatrix<f64>, x: &[f64]) -> f64 {
    let n = x.len();
    let entries = || (0..n).flat_map(|j| (0..n).map(move |i| (i, j)));
    let larger = |i, j| size([&a[(i, j)], &b[(i, j)]]);
    let units = |i: usize, j: usize| unit(x[i]) * unit(x[j]);
    let influence = entries().map(|(i, j)| larger(i, j) * units(i, j)).fold(0.0, f64::max);
    worst(entries().map(|(i, j)| {
        let diagonal = larger(i, i).sqrt() * larger(j, j).sqrt();
        let scale = diagonal.max(larger(i, j)).max(NEGLIGIBLE * influence / units(i, j));
        gap(a[(i, j)], b[(i, j)], scale)
    }))
}

/// The size of an input that its influence is measured with.
fn unit(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { x.abs() }
}

/// The largest finite magnitude.
fn size<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().filter(|v| v.is_finite()).fold(0.0, |size, v| size.max(v.abs()))
}

fn gap(a: f64, b: f64, scale: f64) -> f64 {
    if a == b || (a.is_nan() && b.is_nan()) {
        return 0.0;
    }
    let gap = (a - b).abs() / scale;
    if gap.is_finite() { gap } else { f64::INFINITY }
}

fn worst(differences: impl Iterator<Item = f64>) -> f64 {
    differences.fold(0.0, f64::max)
}

/// One verdict for each trial. The reference is the result that most others agree with; in a tie,
/// that of the smallest stated error. A trial without a result gets an infinite difference.
pub(super) fn judge(trials: &[Trial], x: &[f64]) -> Vec<Verdict> {
    let result = |trial: &Trial| match &trial.result {
        Run::Done { values, .. } => Some(values.clone()),
        _ => None,
    };
    let results: Vec<Option<Vec<Values>>> = trials.iter().map(result).collect();
    let compare = |i: usize, j: usize| match (&results[i], &results[j]) {
        (Some(a), Some(b)) => difference(a, b, x),
        _ => f64::INFINITY,
    };
    let votes = |i: usize| {
        let agrees = |&j: &usize| compare(i, j) <= allowed(&trials[i], &trials[j]);
        (0..trials.len()).filter(agrees).count()
    };
    let reference = (0..trials.len()).max_by(|&i, &j| {
        let by_accuracy = trials[j].relative_error.total_cmp(&trials[i].relative_error);
        votes(i).cmp(&votes(j)).then(by_accuracy).then(j.cmp(&i))
    });
    let Some(reference) = reference else { return Vec::new() };
    (0..trials.len())
        .map(|i| {
            let difference = compare(i, reference);
            let allowed = allowed(&trials[i], &trials[reference]);
            if difference <= allowed {
                Verdict::Agrees { difference }
            } else {
                Verdict::Disagrees { difference, allowed }
            }
        })
        .collect()
}
