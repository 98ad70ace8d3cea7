//! Kinks, poles and flat spots: the conventions of [`ad_api::Scalar`], for engines that are exact.
//!
//! Finite differences see both sides of a kink and are not held to a convention.

use crate::subject::{Subject, same};
use crate::violation::Findings;
use crate::{Binary, Counted, Law, Program, Unary, Violation};

/// Writes the table: each body is a node of `a` and `b`.
macro_rules! kinks {
    ($($name:literal: |$a:ident, $b:ident| $body:expr, at $x:expr => $gradient:expr;)*) => {
        fn table() -> Vec<(&'static str, Program, [f64; 2], [f64; 2])> {
            vec![$((
                $name,
                Program::new(2, |x| {
                    let ($a, $b) = (x[0], x[1]);
                    let _ = $b;
                    vec![$body]
                }),
                $x,
                $gradient,
            )),*]
        }
    };
}

const INF: f64 = f64::INFINITY;

kinks! {
    "|0|": |a, b| a.abs() + b, at [0.0, 1.0] => [0.0, 1.0];
    "|-0|": |a, b| a.abs() + b, at [-0.0, 1.0] => [0.0, 1.0];
    "hypot(0, 0)": |a, b| a.binary(Binary::Hypot, b), at [0.0, 0.0] => [0.0, 0.0];
    "max of equals": |a, b| a.binary(Binary::Max, b), at [2.0, 2.0] => [1.0, 0.0];
    "min of equals": |a, b| a.binary(Binary::Min, b), at [2.0, 2.0] => [1.0, 0.0];
    "clamp at the lower bound": |a, b| a.clamp(0.0, 1.0) + b, at [0.0, 1.0] => [1.0, 1.0];
    "clamp at the upper bound": |a, b| a.clamp(0.0, 1.0) + b, at [1.0, 1.0] => [1.0, 1.0];
    "clamp outside": |a, b| a.clamp(0.0, 1.0) + b, at [1.5, 1.0] => [0.0, 1.0];
    "floor at an integer": |a, b| a.unary(Unary::Floor) + b, at [2.0, 1.0] => [0.0, 1.0];
    "signum at 0": |a, b| a.unary(Unary::Signum) + b, at [0.0, 1.0] => [0.0, 1.0];
    "sqrt at 0": |a, b| a.sqrt() + b, at [0.0, 1.0] => [INF, 1.0];
    "sqrt at 0 does not reach b": |a, b| a.sqrt() * 0.0 + b * b, at [0.25, 3.0] => [0.0, 6.0];
    "sqrt of a constant 0": |a, b| a.constant(0.0).sqrt() + a * b, at [2.0, 3.0] => [3.0, 2.0];
    "ln of a constant 0, not chosen": |a, b| a.choose(a * b, a.constant(0.0).ln()),
        at [2.0, 3.0] => [3.0, 2.0];
    "infinite partial of the branch not taken": |a, b| b.choose(b, a.sqrt()),
        at [0.0, 1.0] => [0.0, 1.0];
    "x^0 at 0": |a, b| a.powi(0) + b, at [0.0, 1.0] => [0.0, 1.0];
    "x^1 at 0": |a, b| a.powi(1) + b, at [0.0, 1.0] => [1.0, 1.0];
    "x^2 at 0": |a, b| a.powi(2) + b, at [0.0, 1.0] => [0.0, 1.0];
    "0^1.5": |a, b| a.binary(Binary::Pow, a.constant(1.5)) + b, at [0.0, 1.0] => [0.0, 1.0];
    "0^b": |a, b| a.binary(Binary::Pow, b), at [0.0, 2.0] => [0.0, 0.0];
    "sinc at 0": |a, b| a.unary(Unary::Sinc) * b, at [0.0, 2.0] => [0.0, 1.0];
    "tanh far out": |a, b| a.tanh() + b, at [800.0, 1.0] => [0.0, 1.0];
    "product with a zero": |a, b| a * b, at [0.0, 0.0] => [0.0, 0.0];
    "quotient of a zero": |a, b| a / b, at [0.0, 2.0] => [0.5, 0.0];
    "atan2 on the axis": |a, b| a.binary(Binary::Atan2, b), at [0.0, -2.0] => [-0.5, 0.0];
}

/// Gradients at kinks, through forward and reverse products.
pub(crate) fn honours_conventions(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    if !subject.is_exact() {
        return findings.done();
    }
    for (name, program, x, gradient) in table() {
        let f = Counted::new(program);
        let result = subject.prepare(&f).and_then(|mut prepared| {
            let forward = [[1.0, 0.0], [0.0, 1.0]].map(|v| prepared.pushforward(&x, &v));
            let [a, b] = forward;
            Ok((prepared.gradient(&x)?, [a?[0], b?[0]], prepared.jacobian(&x)?))
        });
        let Some((reverse, forward, jacobian)) = findings.expect(name, result) else { continue };
        for (how, found) in [
            ("gradient", reverse.as_slice()),
            ("pushforward", &forward),
            ("jacobian", jacobian.as_slice()),
        ] {
            let right = same(found, &gradient);
            findings
                .note(name, (!right).then(|| format!("{how} is {found:?}, expected {gradient:?}")));
        }
    }
    findings.done()
}

/// A value that is not finite is the value, and no error; what does not depend on an input has no
/// derivative with respect to it, whatever its size.
pub(crate) fn hands_on_non_finite_values(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    if !subject.is_exact() {
        return findings.done();
    }
    let f = Counted::new(Program::new(2, |x| vec![x[0].ln(), x[1] * x[1], x[0].recip()]));
    let x = [0.0, 3.0];
    let result = subject.prepare(&f).and_then(|mut prepared| {
        Ok((
            prepared.value_and_jacobian(&x)?,
            prepared.value_and_pushforward(&x, &[0.0, 1.0])?,
            prepared.value_and_pullback(&x, &[0.0, 1.0, 0.0])?,
        ))
    });
    if let Some(((y, j), (_, y_dot), (_, x_bar))) =
        findings.expect("(ln x, y², 1/x) at (0, 3)", result)
    {
        let mut expect = |what: &str, found: &[f64], expected: &[f64]| {
            let right = same(found, expected);
            findings.note(what, (!right).then(|| format!("{found:?}, expected {expected:?}")));
        };
        expect("value of (ln 0, 9, 1/0)", y.as_slice(), &[-INF, 9.0, INF]);
        expect("its jacobian", j.as_slice(), &[INF, 0.0, -INF, 0.0, 6.0, 0.0]);
        expect("its pushforward of (0, 1)", y_dot.as_slice(), &[0.0, 6.0, 0.0]);
        expect("its pullback of (0, 1, 0)", x_bar.as_slice(), &[0.0, 6.0]);
    }
    findings.done()
}
