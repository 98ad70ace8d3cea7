//! Functions that fail or panic in mid-sweep: what the caller hears, and what the preparation is
//! worth afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ad_api::{AdError, Operation};
use nalgebra::DMatrix;

use crate::call::{Parts, calls_of};
use crate::case::Case;
use crate::op::{PANIC, Refused};
use crate::scenario::Known;
use crate::subject::{Subject, same};
use crate::violation::Findings;
use crate::{Counted, Law, Node, Program, Violation};

/// A limit far enough from the good point that no stencil reaches it, and below the bad point.
const LIMIT: f64 = 50.0;
const GOOD: f64 = 0.42;
const BAD: f64 = 100.0;

/// A guard: the same value, or the end of the evaluation above a limit.
type Guard = fn(Node<'_>, f64) -> Node<'_>;

fn fail_above(x: Node<'_>, limit: f64) -> Node<'_> {
    x.fail_above(limit)
}

fn panic_above(x: Node<'_>, limit: f64) -> Node<'_> {
    x.panic_above(limit)
}

/// `(sin x, x², 2x)` with a guard in the middle: after some operations, before others.
fn guarded(guard: Guard) -> Counted<Program> {
    Counted::new(Program::new(1, |x| {
        let sine = x[0].sin();
        let passed = guard(x[0], LIMIT);
        vec![sine, passed * x[0], passed * 2.0]
    }))
}

/// The same as a scalar function, for the operations that need one: `sin x + x²`.
fn guarded_scalar(guard: Guard) -> Counted<Program> {
    Counted::new(Program::new(1, |x| {
        let sine = x[0].sin();
        vec![sine + guard(x[0], LIMIT) * x[0]]
    }))
}

fn case(f: Counted<Program>, x: f64) -> Case {
    let m = ad_api::Function::outputs(&f);
    Case {
        scenario: "guarded",
        f,
        x: vec![x],
        v: vec![1.5],
        w: vec![0.5; m],
        weights: vec![1.0; m],
        known: Known {
            value: vec![0.0; m],
            jacobian: DMatrix::zeros(m, 1),
            hessians: vec![DMatrix::zeros(1, 1); m],
        },
    }
}

/// Runs every call at the good point, then the bad one, then the good one again, on one preparation.
/// `bad` judges the bad result.
fn good_bad_good(
    subject: &Subject,
    law: Law,
    guard: Guard,
    mut bad: impl FnMut(std::thread::Result<ad_api::Result<Parts>>) -> Option<String>,
    judge_after: bool,
) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    for f in [guarded(guard), guarded_scalar(guard)] {
        let [good, awful] = [GOOD, BAD].map(|x| case(f.clone(), x));
        for operation in Operation::ALL.into_iter().filter(|&o| subject.supports(o, &good)) {
            for call in calls_of(operation, &good) {
                let place = format!("`{}` of {} outputs", call.name, good.outputs());
                let prepared = subject.prepare(&f);
                let Some(mut prepared) = findings.expect(&place, prepared) else { continue };
                let before = (call.run)(&mut *prepared, &good, f64::NAN);
                let Some(before) = findings.expect(&place, before) else { continue };
                let at_bad =
                    catch_unwind(AssertUnwindSafe(|| (call.run)(&mut *prepared, &awful, f64::NAN)));
                if !judge_after {
                    findings.note(place, bad(at_bad));
                    continue;
                }
                let again =
                    catch_unwind(AssertUnwindSafe(|| (call.run)(&mut *prepared, &good, f64::NAN)));
                match again {
                    Err(_) => findings.add(place, "panics afterwards"),
                    Ok(Err(error)) => findings.add(place, format!("fails afterwards: {error}")),
                    Ok(Ok(after)) => {
                        let unlike = before.iter().zip(&after).find(|(a, b)| !same(&a.1, &b.1));
                        findings.note(
                            place,
                            unlike.map(|(before, after)| {
                                format!("before the failure {before:?}, after it {after:?}")
                            }),
                        );
                    }
                }
            }
        }
    }
    findings.done()
}

/// The failure of the function reaches the caller, with its type.
pub(crate) fn reports_failures(subject: &Subject, law: Law) -> Vec<Violation> {
    let told = |outcome: std::thread::Result<ad_api::Result<Parts>>| match outcome {
        Ok(Err(AdError::Function(failure))) => match failure.downcast_ref::<Refused>() {
            Some(_) => None,
            None => Some(format!("the failure is another: {failure}")),
        },
        Ok(Err(error)) => Some(format!("expected the function's failure, got: {error}")),
        Ok(Ok(parts)) => Some(format!("the failure is swallowed: {parts:?}")),
        Err(_) => Some("the failure became a panic".into()),
    };
    let mut violations = good_bad_good(subject, law, fail_above, told, false);

    let mut findings = Findings::new(law);
    let f = guarded_scalar(fail_above);
    let lazily = subject.backend.linearize(&f, &[BAD]).map(|(y, _)| y);
    if !matches!(lazily, Err(AdError::Function(_))) {
        findings.add("`linearize`", format!("expected the function's failure, got {lazily:?}"));
    }
    violations.extend(findings.done());
    violations
}

/// After a failure the preparation gives what it gave before.
pub(crate) fn survives_failures(subject: &Subject, law: Law) -> Vec<Violation> {
    good_bad_good(subject, law, fail_above, |_| None, true)
}

/// A panic of the function passes through as it is.
pub(crate) fn passes_panics_on(subject: &Subject, law: Law) -> Vec<Violation> {
    let told = |outcome: std::thread::Result<ad_api::Result<Parts>>| match outcome {
        Err(payload) => {
            let message = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied());
            (message != Some(PANIC)).then(|| format!("the panic's message is {message:?}"))
        }
        Ok(outcome) => Some(format!("the panic is swallowed: {outcome:?}")),
    };
    quietly(|| good_bad_good(subject, law, panic_above, told, false))
}

/// After a panic the preparation gives what it gave before.
pub(crate) fn survives_panics(subject: &Subject, law: Law) -> Vec<Violation> {
    quietly(|| good_bad_good(subject, law, panic_above, |_| None, true))
}

/// Runs `body` without reports of the panics that the suite causes on purpose.
fn quietly<T>(body: impl FnOnce() -> T) -> T {
    use std::sync::Once;
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload_as_str() != Some(PANIC) {
                usual(info);
            }
        }));
    });
    body()
}
