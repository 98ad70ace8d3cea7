//! The backend under test, and how close it must come.

use ad_api::{Accuracy, Backend, Operation, Shape};

use crate::case::{Case, Expected, Part, largest};
use crate::erased::{ErasedBackend, Operations, Probe};

/// The tolerance where an engine is exact: about 5000 rounding units of the terms of a result.
const EXACT: f64 = 1e-12;

/// The most evaluations that a check of a rule spends on one call.
const AFFORDABLE: usize = 10_000;

/// A backend with the tolerances that it is held to.
///
/// Relative to the size of the terms that a result is a sum of; for engines that approximate also to
/// the size of the function, whose rounding they amplify. They follow from the [`Accuracy`] that
/// the backend states. An engine with error `δ` on a function exact to `ε` keeps the fraction
/// `a = ln δ / ln ε` of the digits, so on a function exact to `q` it is held to `qᵃ`, times 25 for each
/// order of differentiation.
pub struct Subject {
    pub(crate) backend: Box<dyn ErasedBackend>,
    tolerances: [f64; 3],
}

impl Subject {
    /// `backend`, held to the accuracy that it states.
    pub fn new<B: Backend>(backend: B) -> Self {
        let (inner, outer) = ErasedBackend::accuracies(&backend);
        let kept = |accuracy: Accuracy| match accuracy {
            Accuracy::Exact | Accuracy::Rounded { .. } => 1.0,
            Accuracy::Approximate { relative } => relative.ln() / f64::EPSILON.ln(),
        };
        let first = inner.relative();
        let second = first.powf(kept(outer)).max(outer.relative());
        let third = second.powf(kept(outer));
        let tolerances = [25.0 * first, 625.0 * second, 15625.0 * third];
        let tolerances = tolerances.map(|tolerance| tolerance.max(EXACT));
        Subject { backend: Box::new(backend), tolerances }
    }

    /// Replaces the tolerance of first derivatives; those of higher order are at least that.
    #[must_use]
    pub fn tol(mut self, first: f64) -> Self {
        self.tolerances[0] = first;
        self.tolerances = self.tolerances.map(|tolerance| tolerance.max(first));
        self
    }

    /// Replaces the tolerance of second derivatives.
    #[must_use]
    pub fn second(mut self, second: f64) -> Self {
        self.tolerances[1] = second;
        self.tolerances[2] = self.tolerances[2].max(second);
        self
    }

    /// Replaces the tolerance of third derivatives.
    #[must_use]
    pub fn third(mut self, third: f64) -> Self {
        self.tolerances[2] = third;
        self
    }

    /// The name of the backend.
    pub fn name(&self) -> String {
        self.backend.name()
    }

    /// Whether first (and second) derivatives are exact.
    pub(crate) fn is_exact(&self) -> bool {
        let (inner, outer) = self.backend.accuracies();
        inner == Accuracy::Exact && outer == Accuracy::Exact
    }

    pub(crate) fn tolerance(&self, order: usize) -> f64 {
        match order {
            0 => EXACT,
            order => self.tolerances[order - 1],
        }
    }

    /// A preparation at zeros: no result may depend on the point of preparation.
    pub(crate) fn prepare(&self, f: &Probe) -> ad_api::Result<Box<dyn Operations>> {
        let n = ad_api::Function::inputs(f);
        self.backend.prepare(f, &vec![0.0; n])
    }

    pub(crate) fn supports(&self, operation: Operation, case: &Case) -> bool {
        let shape = Shape { inputs: case.inputs(), outputs: case.outputs() };
        self.backend.capability(operation, shape).evaluations().is_some()
    }

    /// Whether the operation is supported, and cheap enough for the checks that call it again and
    /// again. (Closed forms are compared whatever they cost.)
    pub(crate) fn affords(&self, operation: Operation, case: &Case) -> bool {
        let shape = Shape { inputs: case.inputs(), outputs: case.outputs() };
        let cost = self.backend.capability(operation, shape).evaluations();
        cost.is_some_and(|cost| cost.bound() <= AFFORDABLE)
    }

    /// What is wrong with `found` as a result of `case`, if anything.
    pub(crate) fn compare(&self, case: &Case, part: Part, found: &[f64]) -> Option<String> {
        if part == Part::Value {
            let plain = case.f.function().value(&case.x).ok()?;
            return (found != plain)
                .then(|| format!("value {found:?}, plain evaluation {plain:?}"));
        }
        let Expected { numbers, scale } = case.expected(part);
        self.compare_to(case, part.order(), found, &numbers, scale)
            .map(|detail| format!("{part:?} {detail}"))
    }

    /// What is wrong with `found`, which should be `expected` up to the tolerance for `order`, as a
    /// sum of terms of the size `scale`.
    pub(crate) fn compare_to(
        &self,
        case: &Case,
        order: usize,
        found: &[f64],
        expected: &[f64],
        scale: f64,
    ) -> Option<String> {
        let scale = if self.is_exact() { scale } else { scale.max(case.magnitude(order)) };
        differ(found, expected, self.tolerance(order) * scale)
    }
}

/// What is wrong with `found`, which should be `expected` to an absolute error.
pub(crate) fn differ(found: &[f64], expected: &[f64], error: f64) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("has length {}, expected {}", found.len(), expected.len()));
    }
    // `!(a <= b)` and not `a > b`: NaN is a difference.
    #[allow(clippy::neg_cmp_op_on_partial_ord, reason = "NaN is a difference")]
    let worst = (0..found.len())
        .filter(|&i| found[i] != expected[i] && !((found[i] - expected[i]).abs() <= error))
        .max_by(|&i, &j| {
            let distance = |i: usize| (found[i] - expected[i]).abs();
            distance(i).total_cmp(&distance(j))
        })?;
    Some(format!(
        "[{worst}] is {:e}, expected {:e} (difference {:.1e}, allowed {error:.1e}, largest entry {:.1e})",
        found[worst],
        expected[worst],
        (found[worst] - expected[worst]).abs(),
        largest(expected),
    ))
}

/// Whether two results are the same numbers, bit by bit up to the sign of zero.
pub(crate) fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}
