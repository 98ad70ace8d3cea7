//! Branches, threads, nesting, rules and third derivatives.

use ad_api::Operation;

use crate::case::Case;
use crate::scenario::{Scenario, dense, scenarios};
use crate::subject::{Subject, differ};
use crate::violation::Findings;
use crate::{Counted, Law, Program, Stated, Violation};

/// A branch that flips between the point of preparation and later points, on one preparation.
pub(crate) fn follows_branches(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    let branch: Scenario =
        dense().into_iter().find(|scenario| scenario.name == "branch").expect("it is there");
    for start in [-1.0, 1.0] {
        let f = branch.probe();
        let Some(mut prepared) =
            findings.expect("branch, `prepare`", subject.backend.prepare(&f, &[start]))
        else {
            continue;
        };
        for x in [-1.0, 1.0, -1.0, 1.0, 0.75, -0.75] {
            let case = Case { f: f.clone(), ..Case::new(&branch, &[x]) };
            for operation in Operation::ALL.into_iter().filter(|&o| subject.supports(o, &case)) {
                for call in crate::call::calls_of(operation, &case) {
                    let place = format!("prepared at {start}, {}, `{}`", case.label(), call.name);
                    let parts = (call.run)(&mut *prepared, &case, f64::NAN);
                    for (part, found) in findings.expect(&place, parts).unwrap_or_default() {
                        findings.note(&place, subject.compare(&case, part, &found));
                    }
                }
            }
        }
    }
    findings.done()
}

/// Two threads, each with a clone of one preparation, give what one thread gives.
pub(crate) fn clones_for_threads(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    for scenario in scenarios().iter().filter(|s| s.points[0].len() > 1).take(8) {
        let cases: Vec<Case> = scenario.points.iter().map(|x| Case::new(scenario, x)).collect();
        let Some(mut prepared) = findings.expect(scenario.name, subject.prepare(&cases[0].f))
        else {
            continue;
        };
        // Warm: the clone of a used preparation must not share what the use left behind.
        if findings.expect(scenario.name, prepared.jacobian(&cases[0].x)).is_none() {
            continue;
        }
        let clones: Vec<_> = cases.iter().map(|_| prepared.duplicate()).collect();
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = clones
                .into_iter()
                .zip(&cases)
                .map(|(mut clone, case)| {
                    scope.spawn(move || {
                        (0..20)
                            .map(|_| {
                                let jacobian = clone.jacobian(&case.x)?;
                                let hessian = clone.weighted_hessian(&case.x, &case.weights)?;
                                Ok((jacobian, hessian))
                            })
                            .collect::<ad_api::Result<Vec<_>>>()
                    })
                })
                .collect();
            threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        for (result, case) in results.into_iter().zip(&cases) {
            let Ok(result) = result else {
                findings.add(case.label(), "the thread panicked");
                continue;
            };
            for (jacobian, hessian) in findings.expect(case.label(), result).unwrap_or_default() {
                for (part, found) in [
                    (crate::case::Part::Jacobian, jacobian),
                    (crate::case::Part::WeightedHessian, hessian),
                ] {
                    findings.note(case.label(), subject.compare(case, part, found.as_slice()));
                }
            }
        }
    }
    findings.done()
}

/// A derivative inside a function that is differentiated: no perturbation confusion.
pub(crate) fn keeps_perturbations_apart(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    for x in [[1.0, 1.0], [0.7, -1.2]] {
        let place = format!("x ∂(x + y)/∂y + ... at {x:?}");
        let (value, gradient, hessian) = crate::nested::expected(x[0], x[1]);
        let first = subject.backend.nested_gradient(&x);
        if let Some((found, found_gradient)) = findings.expect(&place, first) {
            let terms = 10.0;
            findings.note(&place, differ(&[found], &[value], terms * subject.tolerance(1)));
            let allowed = terms * subject.tolerance(2);
            findings.note(&place, differ(found_gradient.as_slice(), &gradient, allowed));
        }
        if let Some(found) = findings.expect(&place, subject.backend.nested_hessian(&x)) {
            let allowed = 30.0 * subject.tolerance(3);
            findings.note(&place, differ(found.as_slice(), &hessian, allowed));
        }
    }
    findings.done()
}

/// Rules inside functions: `a² b` by a rule that states its tangent, its cotangent or both.
pub(crate) fn applies_rules(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    let x: [f64; 2] = [0.7, 1.3];
    let (a, b) = (x[0], x[1]);
    // f = (sin(a) a² b, a + b² b) with the rule taken as (a, b) and as (b, b).
    let (sin, cos) = a.sin_cos();
    let jacobian = [cos * a * a * b + 2.0 * sin * a * b, 1.0, sin * a * a, 3.0 * b * b];
    let hessian = {
        let aa = -sin * a * a * b + 4.0 * cos * a * b + 2.0 * sin * b;
        let ab = cos * a * a + 2.0 * sin * a;
        // Weights (1, ½).
        [aa, ab, ab, 0.5 * 6.0 * b]
    };
    for stated in [Stated::Tangent, Stated::Cotangent, Stated::Both] {
        let place = format!("a² b by a rule that states {stated:?}");
        let f = Counted::new(Program::new(2, |x| {
            vec![x[0].sin() * x[0].rule(stated, x[1]), x[0] + x[1].rule(stated, x[1])]
        }));
        let result = subject.prepare(&f).and_then(|mut p| {
            Ok((p.value_and_jacobian(&x)?, p.weighted_hessian(&x, &[1.0, 0.5])?))
        });
        let Some(((y, j), h)) = findings.expect(&place, result) else { continue };
        let value = [sin * a * a * b, a + b * b * b];
        findings.note(&place, differ(y.as_slice(), &value, 1e-15));
        findings.note(&place, differ(j.as_slice(), &jacobian, 10.0 * subject.tolerance(1)));
        findings.note(&place, differ(h.as_slice(), &hessian, 10.0 * subject.tolerance(2)));
    }
    findings.done()
}

/// A name, a function of one variable, a point, and the third derivative there.
type Third = (&'static str, Program, f64, f64);

/// `f'''`, by one engine over another over a third.
pub(crate) fn third_derivatives(subject: &Subject, law: Law) -> Vec<Violation> {
    let x = 0.42_f64;
    let table: [Third; 5] = [
        ("x⁴", Program::new(1, |x| vec![x[0].powi(4)]), x, 24.0 * x),
        ("sin x", Program::new(1, |x| vec![x[0].sin()]), x, -x.cos()),
        ("exp 2x", Program::new(1, |x| vec![(x[0] * 2.0).exp()]), x, 8.0 * (2.0 * x).exp()),
        ("1/x", Program::new(1, |x| vec![x[0].recip()]), 1.5, -6.0 / 1.5_f64.powi(4)),
        ("x ln x", Program::new(1, |x| vec![x[0] * x[0].ln()]), 1.5, -1.0 / 2.25),
    ];
    let mut findings = Findings::new(law);
    for (name, program, x, expected) in table {
        let place = format!("{name} at {x}");
        let found = subject.backend.third_derivative(&Counted::new(program), x);
        if let Some(found) = findings.expect(&place, found) {
            let allowed = subject.tolerance(3) * expected.abs().max(10.0);
            findings.note(place, differ(&[found], &[expected], allowed));
        }
    }
    findings.done()
}
