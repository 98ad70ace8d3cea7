//! Which results to believe: those that most candidates find.

use super::trial::{Run, Trial};

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

/// The largest difference, relative to the largest entry. Infinities and NaNs must coincide.
pub(super) fn difference(a: &[f64], b: &[f64]) -> f64 {
    let scale = a.iter().chain(b).filter(|v| v.is_finite()).fold(0.0, |s: f64, v| s.max(v.abs()));
    let mut worst: f64 = 0.0;
    for (&a, &b) in a.iter().zip(b) {
        if a == b || (a.is_nan() && b.is_nan()) {
            continue;
        }
        let gap = (a - b).abs() / scale;
        worst = if gap.is_finite() { worst.max(gap) } else { f64::INFINITY };
    }
    worst
}

/// One verdict for each trial. The reference is the result that most others agree with; in a tie,
/// that of the smallest stated error. A trial without a result gets an infinite difference.
pub(super) fn judge(trials: &[Trial]) -> Vec<Verdict> {
    let result = |trial: &Trial| match &trial.result {
        Run::Done { values, .. } => Some(values.clone()),
        _ => None,
    };
    let results: Vec<Option<Vec<f64>>> = trials.iter().map(result).collect();
    let compare = |i: usize, j: usize| match (&results[i], &results[j]) {
        (Some(a), Some(b)) => difference(a, b),
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
