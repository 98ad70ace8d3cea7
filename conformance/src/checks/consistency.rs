//! The derived operations agree with one another.

use ad_api::{Operation, Result};

use super::cases;
use crate::case::Case;
use crate::subject::Subject;
use crate::violation::Findings;
use crate::{Law, Violation};

fn unit(len: usize, i: usize) -> Vec<f64> {
    let mut unit = vec![0.0; len];
    unit[i] = 1.0;
    unit
}

/// Column `j` of the Jacobian is the pushforward of `eⱼ`, row `i` the pullback of `eᵢ`; gradient and
/// derivative are the only row and column.
pub(crate) fn first_order_agrees(subject: &Subject, law: Law) -> Vec<Violation> {
    each_case(
        subject,
        law,
        &[Operation::Jacobian, Operation::Pushforward, Operation::Pullback],
        |case| {
            let (n, m) = (case.inputs(), case.outputs());
            let mut prepared = subject.prepare(&case.f)?;
            let jacobian = prepared.jacobian(&case.x)?;
            let mut wrong = Vec::new();
            let scale = crate::case::largest(case.known.jacobian.as_slice());
            let mut compare = |what: String, found: &[f64], expected: &[f64]| {
                let difference = subject.compare_to(case, 1, found, expected, 2.0 * scale);
                wrong.extend(difference.map(|difference| format!("{what}: {difference}")));
            };
            for j in 0..n {
                let column = prepared.pushforward(&case.x, &unit(n, j))?;
                compare(format!("column {j}"), column.as_slice(), jacobian.column(j).as_slice());
            }
            for i in 0..m {
                let row = prepared.pullback(&case.x, &unit(m, i))?;
                let expected: Vec<f64> = jacobian.row(i).iter().copied().collect();
                compare(format!("row {i}"), row.as_slice(), &expected);
            }
            if m == 1 {
                compare(
                    "gradient".into(),
                    prepared.gradient(&case.x)?.as_slice(),
                    jacobian.as_slice(),
                );
            }
            if n == 1 {
                let mut derivative = vec![f64::NAN; m];
                prepared.derivative_into(case.x[0], &mut derivative)?;
                compare("derivative".into(), &derivative, jacobian.as_slice());
            }
            Ok(wrong)
        },
    )
}

/// Column `j` of the Hessian is its product with `eⱼ`; the second derivative is the 1 × 1 Hessian;
/// the weighted Hessian is the weighted sum of those of the outputs.
pub(crate) fn second_order_agrees(subject: &Subject, law: Law) -> Vec<Violation> {
    let needed = [Operation::Hessian, Operation::Hvp, Operation::SecondDerivative];
    each_case(subject, law, &needed, |case| {
        let (n, m) = (case.inputs(), case.outputs());
        let mut prepared = subject.prepare(&case.f)?;
        let hessian = prepared.weighted_hessian(&case.x, &case.weights)?;
        let mut wrong = Vec::new();
        let sizes = case.known.hessians.iter().map(|h| crate::case::largest(h.as_slice()));
        let scale = sizes.zip(&case.weights).map(|(h, w)| h * w.abs()).sum::<f64>();
        let mut compare = |what: String, found: &[f64], expected: &[f64]| {
            let difference = subject.compare_to(case, 2, found, expected, 2.0 * scale);
            wrong.extend(difference.map(|difference| format!("{what}: {difference}")));
        };
        for j in 0..n {
            let (mut gradient, mut hv) = (vec![f64::NAN; n], vec![f64::NAN; n]);
            prepared.value_gradient_and_weighted_hvp_into(
                &case.x,
                &case.weights,
                &unit(n, j),
                &mut gradient,
                &mut hv,
            )?;
            compare(format!("column {j}"), &hv, hessian.column(j).as_slice());
        }
        let mut sum = nalgebra::DMatrix::zeros(n, n);
        for i in 0..m {
            sum += prepared.weighted_hessian(&case.x, &unit(m, i))? * case.weights[i];
        }
        compare("sum over outputs".into(), sum.as_slice(), hessian.as_slice());
        if m == 1 {
            let scalar = prepared.hessian(&case.x)? * case.weights[0];
            compare("hessian".into(), scalar.as_slice(), hessian.as_slice());
        }
        if n == 1 {
            let mut second = vec![f64::NAN; m];
            prepared.second_derivative_into(case.x[0], &mut second)?;
            let weighted: f64 = second.iter().zip(&case.weights).map(|(d, w)| d * w).sum();
            compare("second derivative".into(), &[weighted], hessian.as_slice());
        }
        Ok(wrong)
    })
}

fn each_case(
    subject: &Subject,
    law: Law,
    needed: &[Operation],
    mut body: impl FnMut(&Case) -> Result<Vec<String>>,
) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    for case in cases() {
        if !needed.iter().all(|&operation| subject.affords(operation, &case)) {
            continue;
        }
        if let Some(wrong) = findings.expect(case.label(), body(&case)) {
            wrong.into_iter().for_each(|wrong| findings.add(case.label(), wrong));
        }
    }
    findings.done()
}
