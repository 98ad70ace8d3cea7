//! Closed forms, and the rules of the test bench: every form of every operation, garbage in buffers,
//! calls repeated, points that change.

use ad_api::Operation;

use super::cases;
use crate::call::{Call, Parts, calls_of};
use crate::case::Case;
use crate::subject::{Subject, same};
use crate::violation::Findings;
use crate::{Law, Violation, scenario};

/// What buffers hold before a call.
const GARBAGE: f64 = f64::NAN;

/// Every form of one operation against the derivatives found by hand.
pub(crate) fn closed_form(subject: &Subject, law: Law, operation: Operation) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    for case in cases() {
        if !subject.supports(operation, &case) {
            continue;
        }
        let Some(mut prepared) = findings.expect(case.label(), subject.prepare(&case.f)) else {
            continue;
        };
        for call in calls_of(operation, &case) {
            let place = place(&case, call);
            let Some(parts) = findings.expect(&place, (call.run)(&mut *prepared, &case, GARBAGE))
            else {
                continue;
            };
            for (part, found) in parts {
                findings.note(&place, subject.compare(&case, part, &found));
            }
        }
    }
    findings.done()
}

/// Runs every call on pairs of preparations or points, and asks `compare` about them.
fn every_call(
    subject: &Subject,
    law: Law,
    cases: &[Case],
    mut compare: impl FnMut(&Case, &Call) -> ad_api::Result<Option<String>>,
) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    for case in cases {
        for operation in Operation::ALL {
            if !subject.affords(operation, case) {
                continue;
            }
            for call in calls_of(operation, case) {
                let place = place(case, call);
                if let Some(difference) = findings.expect(&place, compare(case, call)) {
                    findings.note(place, difference);
                }
            }
        }
    }
    findings.done()
}

/// Every call made twice on one preparation.
pub(crate) fn repeats_exactly(subject: &Subject, law: Law) -> Vec<Violation> {
    every_call(subject, law, &cases(), |case, call| {
        let mut prepared = subject.prepare(&case.f)?;
        let first = (call.run)(&mut *prepared, case, GARBAGE)?;
        let second = (call.run)(&mut *prepared, case, GARBAGE)?;
        Ok(difference("the first call", &first, "the second", &second))
    })
}

/// A preparation used at one point, then another, then the first again.
pub(crate) fn follows_the_point(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    for scenario in scenario::scenarios() {
        let [here, there] = [0, 1].map(|i| Case::new(&scenario, &scenario.points[i]));
        findings = merge(
            findings,
            every_call(subject, law, std::slice::from_ref(&here), |_, call| {
                let mut used = subject.prepare(&here.f)?;
                let before = (call.run)(&mut *used, &here, GARBAGE)?;
                let moved = (call.run)(&mut *used, &there, GARBAGE)?;
                let after = (call.run)(&mut *used, &here, GARBAGE)?;
                let fresh = (call.run)(&mut *subject.prepare(&there.f)?, &there, GARBAGE)?;
                let elsewhere = difference("used elsewhere before", &moved, "fresh", &fresh);
                Ok(elsewhere.or_else(|| difference("before", &before, "after", &after)))
            }),
        );
    }
    findings.done()
}

fn merge(mut findings: Findings, more: Vec<Violation>) -> Findings {
    more.into_iter().for_each(|violation| findings.add(violation.place, violation.detail));
    findings
}

/// Buffers with different garbage give the same result.
pub(crate) fn overwrites_buffers(subject: &Subject, law: Law) -> Vec<Violation> {
    every_call(subject, law, &cases(), |case, call| {
        let mut prepared = subject.prepare(&case.f)?;
        let nan = (call.run)(&mut *prepared, case, f64::NAN)?;
        let seven = (call.run)(&mut *prepared, case, 7.0)?;
        Ok(difference("over NaN", &nan, "over 7", &seven))
    })
}

/// The arguments after a call are those before.
pub(crate) fn leaves_inputs_alone(subject: &Subject, law: Law) -> Vec<Violation> {
    every_call(subject, law, &cases(), |case, call| {
        let ours = case.clone();
        (call.run)(&mut *subject.prepare(&case.f)?, &ours, GARBAGE)?;
        let unchanged = ours.x == case.x && ours.v == case.v && ours.w == case.w;
        Ok((!unchanged)
            .then(|| format!("x, v, w are now {:?}, {:?}, {:?}", ours.x, ours.v, ours.w)))
    })
}

/// Owned and in place, with and without the value: the same numbers.
pub(crate) fn forms_agree(subject: &Subject, law: Law) -> Vec<Violation> {
    every_call(subject, law, &cases(), |case, call| {
        let mut prepared = subject.prepare(&case.f)?;
        let plain = calls_of(call.operation, case).next().expect("the call itself");
        let plain_parts = (plain.run)(&mut *prepared, case, GARBAGE)?;
        let parts = (call.run)(&mut *prepared, case, GARBAGE)?;
        Ok(difference(plain.name, &plain_parts, call.name, &parts))
    })
}

/// Computed once, and on a preparation at zeros: the same numbers.
pub(crate) fn one_shot_agrees(subject: &Subject, law: Law) -> Vec<Violation> {
    every_call(subject, law, &cases(), |case, call| {
        let prepared = (call.run)(&mut *subject.prepare(&case.f)?, case, GARBAGE)?;
        let once = (call.run)(&mut *subject.backend.one_shot(&case.f), case, GARBAGE)?;
        Ok(difference("prepared", &prepared, "one-shot", &once))
    })
}

/// Preparations for large and small functions in turn.
pub(crate) fn prepares_at_any_size(subject: &Subject, law: Law) -> Vec<Violation> {
    let all = cases();
    let sizes = ["banded", "num_to_num", "fgrad", "num_to_mat_halves"];
    let chosen: Vec<Case> = sizes
        .iter()
        .filter_map(|name| all.iter().find(|case| case.scenario == *name).cloned())
        .collect();
    let round = || {
        every_call(subject, law, &chosen, |case, call| {
            let mut prepared = subject.prepare(&case.f)?;
            let parts = (call.run)(&mut *prepared, case, GARBAGE)?;
            Ok(parts.iter().find_map(|(part, found)| subject.compare(case, *part, found)))
        })
    };
    [round(), round()].concat()
}

fn place(case: &Case, call: &Call) -> String {
    format!("{}, `{}`", case.label(), call.name)
}

/// The first part that both have and that differs.
fn difference(a_name: &str, a: &Parts, b_name: &str, b: &Parts) -> Option<String> {
    a.iter().find_map(|(part, a)| {
        let (_, b) = b.iter().find(|(other, _)| other == part)?;
        (!same(a, b)).then(|| format!("{part:?} {a_name}: {a:?}, {b_name}: {b:?}"))
    })
}
