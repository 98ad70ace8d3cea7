//! The acceptance tests of AbstractDifferentiation.jl, assertion by assertion.
//!
//! Relative tolerance 1e-10 there, absolute 1e-8 for second derivatives; here the subject's own where
//! it states less. Values, and results with and without the value, must be identical.

use ad_api::Result;

use super::operators::judge;
use crate::case::{Case, Part, largest};
use crate::scenario::acceptance;
use crate::subject::{Subject, same};
use crate::violation::Findings;
use crate::{Counted, Law, Program, Violation};

fn named(name: &str) -> Vec<Case> {
    let scenarios = acceptance();
    let family = scenarios.iter().filter(|scenario| scenario.name.starts_with(name));
    family.map(|scenario| Case::new(scenario, &scenario.points[0])).collect()
}

/// Runs `body` on each function of a family: of both arguments, of the first, of the second.
fn family(
    subject: &Subject,
    law: Law,
    name: &str,
    mut body: impl FnMut(&Case, &mut Checker<'_>) -> Result<()>,
) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    for case in named(name) {
        let (x, v, w) = (case.x.clone(), case.v.clone(), case.w.clone());
        let mut checker = Checker { subject, case: &case, wrong: Vec::new() };
        let result = body(&case, &mut checker);
        let wrong = checker.wrong;
        findings.expect(case.label(), result);
        wrong.into_iter().for_each(|wrong| findings.add(case.label(), wrong));
        let unchanged = (&x, &v, &w) == (&case.x, &case.v, &case.w);
        findings.note(case.label(), (!unchanged).then(|| "the arguments changed".into()));
    }
    findings.done()
}

struct Checker<'a> {
    subject: &'a Subject,
    case: &'a Case,
    wrong: Vec<String>,
}

impl Checker<'_> {
    fn close(&mut self, what: &str, part: Part, found: &[f64]) {
        let difference = self.subject.compare(self.case, part, found);
        self.wrong.extend(difference.map(|difference| format!("{what}: {difference}")));
    }

    fn identical(&mut self, what: &str, a: &[f64], b: &[f64]) {
        if !same(a, b) {
            self.wrong.push(format!("{what}: {a:?} is not identical to {b:?}"));
        }
    }

    fn value(&mut self, found: &[f64]) {
        self.close("value", Part::Value, found);
    }
}

/// Derivatives of `fder`, of each argument alone.
pub(crate) fn derivatives(subject: &Subject, law: Law) -> Vec<Violation> {
    family(subject, law, "fder of", |case, check| {
        let mut prepared = subject.prepare(&case.f)?;
        let derivative = prepared.derivative(case.x[0])?;
        check.close("derivative", Part::Jacobian, &[derivative]);
        let (value, again) = prepared.value_and_derivative(case.x[0])?;
        check.value(&[value]);
        check.identical("with and without value", &[again], &[derivative]);
        Ok(())
    })
}

/// Gradients of `fgrad` and of `fder`.
pub(crate) fn gradients(subject: &Subject, law: Law) -> Vec<Violation> {
    let body = |case: &Case, check: &mut Checker<'_>| {
        let mut prepared = subject.prepare(&case.f)?;
        let gradient = prepared.gradient(&case.x)?;
        check.close("gradient", Part::Jacobian, gradient.as_slice());
        let (value, again) = prepared.value_and_gradient(&case.x)?;
        check.value(&[value]);
        check.identical("with and without value", again.as_slice(), gradient.as_slice());
        Ok(())
    };
    [family(subject, law, "fgrad", body), family(subject, law, "fder", body)].concat()
}

/// Jacobians of `fjac`.
pub(crate) fn jacobians(subject: &Subject, law: Law) -> Vec<Violation> {
    family(subject, law, "fjac", |case, check| {
        let mut prepared = subject.prepare(&case.f)?;
        let jacobian = prepared.jacobian(&case.x)?;
        check.close("jacobian", Part::Jacobian, jacobian.as_slice());
        let (value, again) = prepared.value_and_jacobian(&case.x)?;
        check.value(value.as_slice());
        check.identical("with and without value", again.as_slice(), jacobian.as_slice());
        Ok(())
    })
}

/// Second derivatives of `fder` with respect to each argument alone.
pub(crate) fn second_derivatives(subject: &Subject, law: Law) -> Vec<Violation> {
    family(subject, law, "fder of", |case, check| {
        let (mut prepared, x) = (subject.prepare(&case.f)?, case.x[0]);
        let second = prepared.second_derivative(x)?;
        check.close("second derivative", Part::SecondDerivative, &[second]);
        let (value, again) = prepared.value_and_second_derivative(x)?;
        check.value(&[value]);
        check.identical("with and without value", &[again], &[second]);
        let (value, first, again) = prepared.value_derivative_and_second_derivative(x)?;
        check.value(&[value]);
        check.close("derivative that comes along", Part::Jacobian, &[first]);
        check.identical("with and without derivative", &[again], &[second]);
        Ok(())
    })
}

/// Hessians of `fgrad`, and the Jacobian of its gradient written by hand.
pub(crate) fn hessians(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut violations = family(subject, law, "fgrad", |case, check| {
        let mut prepared = subject.prepare(&case.f)?;
        let hessian = prepared.hessian(&case.x)?;
        check.close("hessian", Part::WeightedHessian, hessian.as_slice());
        let (value, again) = prepared.value_and_hessian(&case.x)?;
        check.value(&[value]);
        check.identical("with and without value", again.as_slice(), hessian.as_slice());
        let (value, gradient, again) = prepared.value_gradient_and_hessian(&case.x)?;
        check.value(&[value]);
        check.close("gradient that comes along", Part::Jacobian, gradient.as_slice());
        check.identical("with and without gradient", again.as_slice(), hessian.as_slice());
        Ok(())
    });
    violations.extend(family(subject, law, "fgrad of x", |case, check| {
        let by_hand = Counted::new(Program::new(5, |x| {
            let others = |i: usize| (0..5).filter(move |&j| j != i).map(|j| x[j]);
            (0..5).filter_map(|i| others(i).reduce(|a, b| a * b)).collect()
        }));
        let jacobian = subject.prepare(&by_hand)?.jacobian(&case.x)?;
        check.close("jacobian of the gradient", Part::WeightedHessian, jacobian.as_slice());
        Ok(())
    }));
    violations
}

/// Pushforwards of `fjac`: the sum over both arguments, and each alone.
pub(crate) fn pushforwards(subject: &Subject, law: Law) -> Vec<Violation> {
    family(subject, law, "fjac", |case, check| {
        let mut prepared = subject.prepare(&case.f)?;
        let y_dot = prepared.pushforward(&case.x, &case.v)?;
        check.close("pushforward", Part::Pushforward, y_dot.as_slice());
        let (value, again) = prepared.value_and_pushforward(&case.x, &case.v)?;
        check.value(value.as_slice());
        check.identical("with and without value", again.as_slice(), y_dot.as_slice());
        Ok(())
    })
}

/// Pullbacks of `fjac`.
pub(crate) fn pullbacks(subject: &Subject, law: Law) -> Vec<Violation> {
    family(subject, law, "fjac", |case, check| {
        let mut prepared = subject.prepare(&case.f)?;
        let x_bar = prepared.pullback(&case.x, &case.w)?;
        check.close("pullback", Part::Pullback, x_bar.as_slice());
        let (value, again) = prepared.value_and_pullback(&case.x, &case.w)?;
        check.value(value.as_slice());
        check.identical("with and without value", again.as_slice(), x_bar.as_slice());
        Ok(())
    })
}

/// The lazy derivative of `fder`, gradient of `fgrad`, Jacobian of `fjac` and Hessian of `fgrad`, in
/// products with scalars, vectors and matrices from both sides.
pub(crate) fn lazy_operators(subject: &Subject, law: Law) -> Vec<Violation> {
    let b = &subject.backend;
    let error = |case: &Case, order: usize, matrix: &nalgebra::DMatrix<f64>| {
        let size = largest(matrix.as_slice());
        let size = if subject.is_exact() { size } else { size.max(case.magnitude(order)) };
        subject.tolerance(order) * size
    };
    let mut violations = Vec::new();
    for (name, order) in [("fder of", 1), ("fgrad", 1), ("fjac", 1), ("fgrad", 2)] {
        violations.extend(family(subject, law, name, |case, check| {
            let (f, x) = (&case.f, &case.x[..]);
            let (matrix, operator) = match (name, order) {
                ("fder of", _) => (&case.known.jacobian, b.lazy_derivative(f, x[0])?),
                ("fgrad", 1) => (&case.known.jacobian, b.lazy_gradient(f, x)?),
                ("fjac", _) => (&case.known.jacobian, b.lazy_jacobian(f, x)?),
                _ => (&case.known.hessians[0], b.lazy_hessian(f, x)?),
            };
            check.wrong.extend(judge(&operator, matrix, error(case, order, matrix))?);
            Ok(())
        }));
    }
    violations
}
