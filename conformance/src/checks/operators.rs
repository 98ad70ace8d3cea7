//! Linearizations and lazy operators: products from both sides, and their algebra.

use ad_api::{Lazy, LinearOperator, Operation, Result};
use nalgebra::{DMatrix, DVector, RowDVector};

use super::cases;
use crate::case::Case;
use crate::erased::AnyOperator;
use crate::random_numbers::{Random, seed};
use crate::subject::{Subject, differ};
use crate::violation::Findings;
use crate::{Law, Violation};

/// What every operator must do that stands for `matrix`, with entries exact to `error`.
pub(crate) fn judge(
    operator: &AnyOperator,
    matrix: &DMatrix<f64>,
    error: f64,
) -> Result<Vec<String>> {
    let (rows, columns) = matrix.shape();
    let mut random = Random::new(seed());
    let v = DVector::from_vec(random.vector(columns));
    let w = RowDVector::from_vec(random.vector(rows));
    let right = DMatrix::from_vec(columns, 3, random.vector(3 * columns));
    let left = DMatrix::from_vec(2, rows, random.vector(2 * rows));
    let lazy = || Lazy::new(operator.clone());

    let mut wrong = Vec::new();
    // Entries of products are sums of that many terms of size 1.
    let terms = (rows.max(columns) * rows.max(columns)) as f64;
    let mut expect = |what: &str, found: &[f64], expected: &[f64]| {
        let difference = differ(found, expected, 10.0 * error * terms);
        wrong.extend(difference.map(|difference| format!("{what}: {difference}")));
    };
    expect("L", lazy().materialize()?.as_slice(), matrix.as_slice());
    expect("L v", (&lazy() * &v).as_slice(), (matrix * &v).as_slice());
    expect("w L", (&w * &lazy()).as_slice(), (&w * matrix).as_slice());
    expect("L M", (&lazy() * &right).as_slice(), (matrix * &right).as_slice());
    expect("M L", (&left * &lazy()).as_slice(), (&left * matrix).as_slice());
    expect("L s", (lazy() * 3.0).materialize()?.as_slice(), (matrix * 3.0).as_slice());
    expect("s L", (3.0 * lazy()).materialize()?.as_slice(), (matrix * 3.0).as_slice());
    expect("(s L) v", (&(3.0 * lazy()) * &v).as_slice(), (matrix * &v * 3.0).as_slice());
    expect("w (L s)", (&w * &(lazy() * 3.0)).as_slice(), (&w * matrix * 3.0).as_slice());
    expect("-L", (-lazy()).materialize()?.as_slice(), (-matrix).as_slice());
    let transposed = lazy().transpose();
    expect("Lᵀ", transposed.materialize()?.as_slice(), matrix.transpose().as_slice());
    let w_column = w.transpose();
    expect("Lᵀ w", (&transposed * &w_column).as_slice(), matrix.tr_mul(&w_column).as_slice());
    let sum = lazy() + 2.0 * lazy();
    expect("L + 2 L", (&sum * &v).as_slice(), (matrix * &v * 3.0).as_slice());
    expect("(L + 2 L)ᵀ", (&w * &sum).as_slice(), (&w * matrix * 3.0).as_slice());
    let none = lazy() - lazy();
    expect("L - L", (&none * &v).as_slice(), DVector::<f64>::zeros(rows).as_slice());
    let size = crate::case::largest(matrix.as_slice()).max(1.0);
    let normal = lazy().transpose() * (1.0 / size * lazy());
    let normal_matrix = matrix.tr_mul(matrix) / size;
    expect("Lᵀ L v", (&normal * &v).as_slice(), (&normal_matrix * &v).as_slice());
    expect("Lᵀ L", normal.materialize()?.as_slice(), normal_matrix.as_slice());

    let too_long = vec![0.0; columns + 1];
    let refused = operator.apply_into(&too_long, &mut vec![0.0; rows]).is_err()
        && operator.apply_transpose_into(&vec![0.0; rows + 1], &mut vec![0.0; columns]).is_err();
    if !refused {
        wrong.push("takes a vector that is too long".into());
    }
    if rows != columns && lazy().compose(lazy()).is_ok() {
        wrong.push("composes with itself, although not square".into());
    }
    Ok(wrong)
}

fn each_case(
    subject: &Subject,
    law: Law,
    order: usize,
    needed: &[Operation],
    operators: impl Fn(&Case) -> Vec<(&'static str, Result<AnyOperator>, DMatrix<f64>)>,
) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    for case in cases() {
        if !needed.iter().all(|&operation| subject.supports(operation, &case)) {
            continue;
        }
        for (name, operator, matrix) in operators(&case) {
            let place = format!("{}, `{name}`", case.label());
            let size = crate::case::largest(matrix.as_slice());
            let size = if subject.is_exact() { size } else { size.max(case.magnitude(order)) };
            let judged = operator
                .and_then(|operator| judge(&operator, &matrix, subject.tolerance(order) * size));
            for wrong in findings.expect(&place, judged).unwrap_or_default() {
                findings.add(&place, wrong);
            }
        }
    }
    findings.done()
}

/// `linearize`: the value as it is, and the Jacobian as an operator.
pub(crate) fn linearizes(subject: &Subject, law: Law) -> Vec<Violation> {
    let needed = [Operation::Pushforward, Operation::Pullback];
    let mut violations = each_case(subject, law, 1, &needed, |case| {
        let operator = subject.backend.linearize(&case.f, &case.x).map(|(_, operator)| operator);
        vec![("linearize", operator, case.known.jacobian.clone())]
    });
    let mut findings = Findings::new(law);
    for case in cases() {
        let result = subject.backend.linearize(&case.f, &case.x);
        if let Some((y, _)) = findings.expect(case.label(), result) {
            let wrong = subject.compare(&case, crate::case::Part::Value, y.as_slice());
            findings.note(case.label(), wrong);
        }
    }
    violations.extend(findings.done());
    violations
}

/// `lazy_jacobian`, and `lazy_derivative` and `lazy_gradient` where they apply.
pub(crate) fn lazy_first_order(subject: &Subject, law: Law) -> Vec<Violation> {
    let needed = [Operation::Pushforward, Operation::Pullback];
    each_case(subject, law, 1, &needed, |case| {
        let (b, f, x) = (&subject.backend, &case.f, &case.x);
        let jacobian = &case.known.jacobian;
        let mut operators = vec![("lazy_jacobian", b.lazy_jacobian(f, x), jacobian.clone())];
        if case.inputs() == 1 {
            operators.push(("lazy_derivative", b.lazy_derivative(f, x[0]), jacobian.clone()));
        }
        if case.outputs() == 1 {
            operators.push(("lazy_gradient", b.lazy_gradient(f, x), jacobian.clone()));
        }
        operators
    })
}

/// `lazy_hessian`.
pub(crate) fn lazy_hessian(subject: &Subject, law: Law) -> Vec<Violation> {
    each_case(subject, law, 2, &[Operation::Hessian, Operation::Hvp], |case| {
        if case.outputs() != 1 {
            return vec![];
        }
        let hessian = case.known.hessians[0].clone();
        vec![("lazy_hessian", subject.backend.lazy_hessian(&case.f, &case.x), hessian)]
    })
}
