//! Derivatives of array programs against the reference.

use ad_api::array::ArrayOp;
use ad_api::{AdError, Result};

use super::case::{self, Program};
use super::reference::{self, Entries};
use super::subject::Found;
use super::{ArrayLaw, ArraySubject, Steps};
use crate::Violation;
use crate::violation::Findings;

type Violations = Vec<Violation<ArrayLaw>>;

/// One of the two modes.
pub(super) struct Mode {
    sweep: fn(&ArraySubject, &Steps, &[f64], &[Entries]) -> Result<Found>,
    reference: fn(&Steps, &[f64], &[f64]) -> Result<Entries>,
    seed_len: fn(&Program) -> usize,
    reverse: bool,
}

pub(super) const fn pullback() -> Mode {
    Mode {
        sweep: |s, f, x, seeds| s.differentiator.pullback(f, x, seeds),
        reference: reference::pullback,
        seed_len: Program::outputs,
        reverse: true,
    }
}

pub(super) const fn pushforward() -> Mode {
    Mode {
        sweep: |s, f, x, seeds| s.differentiator.pushforward(f, x, seeds),
        reference: reference::pushforward,
        seed_len: |program| program.x.len(),
        reverse: false,
    }
}

/// Multiples of 1/16 in no order, with a zero among them.
fn seed(len: usize, which: usize) -> Entries {
    (0..len).map(|i| (((i * 11 + which * 5) % 23) as f64 - 11.0) / 16.0).collect()
}

pub(super) fn every_operation(
    subject: &ArraySubject,
    law: ArrayLaw,
    mode: fn() -> Mode,
) -> Violations {
    agree(subject, law, &mode(), case::operations())
}

pub(super) fn networks(subject: &ArraySubject, law: ArrayLaw, mode: fn() -> Mode) -> Violations {
    let mut findings = Findings::new(law);
    let programs = findings.expect("the programs", case::networks()).unwrap_or_default();
    let mut violations = findings.done();
    violations.extend(agree(subject, law, &mode(), programs));
    violations
}

fn agree(subject: &ArraySubject, law: ArrayLaw, mode: &Mode, programs: Vec<Program>) -> Violations {
    let mut findings = Findings::new(law);
    for program in programs {
        let (f, x, name) = (&program.f, &program.x, &program.name);
        let seed = seed((mode.seed_len)(&program), 1);
        let found = (mode.sweep)(subject, f, x, std::slice::from_ref(&seed));
        let expected = reference::value(f, x).and_then(|y| Ok((y, (mode.reference)(f, x, &seed)?)));
        let both = found.and_then(|found| Ok((found, expected?)));
        let Some((found, (y, swept))) = findings.expect(name, both) else { continue };
        findings.note(format!("value of {name}"), subject.compare(&found.y, &y));
        match &found.swept[..] {
            [one] => findings.note(name, subject.compare(one, &swept)),
            more => findings.add(name, format!("{} results for one seed", more.len())),
        }
    }
    findings.done()
}

pub(super) fn several_seeds(
    subject: &ArraySubject,
    law: ArrayLaw,
    mode: fn() -> Mode,
) -> Violations {
    let (mut findings, mode) = (Findings::new(law), mode());
    let programs = findings.expect("the programs", case::networks()).unwrap_or_default();
    let operations = case::operations().into_iter().step_by(5);
    for program in programs.into_iter().chain(operations) {
        let (f, x, name) = (&program.f, &program.x, &program.name);
        let len = (mode.seed_len)(&program);
        let seeds: Vec<_> = (0..3).map(|which| seed(len, which)).collect();
        let none = findings.expect(name, (mode.sweep)(subject, f, x, &[]));
        let y = findings.expect(name, reference::value(f, x));
        if let (Some(none), Some(y)) = (none, y) {
            findings.note(format!("value of {name} without seeds"), subject.compare(&none.y, &y));
            if !none.swept.is_empty() {
                findings.add(name, "results without seeds");
            }
        }
        let Some(all) = findings.expect(name, (mode.sweep)(subject, f, x, &seeds)) else {
            continue;
        };
        for (k, seed) in seeds.iter().enumerate() {
            let alone = (mode.sweep)(subject, f, x, std::slice::from_ref(seed));
            let Some(alone) = findings.expect(name, alone) else { continue };
            match (all.swept.get(k), alone.swept.first()) {
                (Some(together), Some(alone)) => {
                    findings.note(format!("seed {k} of {name}"), subject.compare(together, alone));
                }
                _ => findings.add(name, format!("no result for seed {k}")),
            }
        }
    }
    findings.done()
}

pub(super) fn rejects_shapes(
    subject: &ArraySubject,
    law: ArrayLaw,
    mode: fn() -> Mode,
) -> Violations {
    let (mut findings, mode) = (Findings::new(law), mode());
    let programs = findings.expect("the programs", case::networks()).unwrap_or_default();
    for program in programs {
        let outcomes = subject.differentiator.wrong_shapes(&program.f, &program.x, mode.reverse);
        for (what, outcome) in
            ["one input more", "another input", "another seed"].iter().zip(outcomes)
        {
            let place = format!("{}, {what}", program.name);
            match outcome {
                Ok(()) => findings.add(place, "is no error"),
                Err(AdError::Array { .. } | AdError::Shape { .. }) => {}
                Err(error) => findings.add(place, format!("is `{error}`, expected a wrong shape")),
            }
        }
    }
    let wrong = Steps::new(vec![[2, 3].into()])
        .then(ArrayOp::MatMul, &[0, 0])
        .then(ArrayOp::Neg, &[1])
        .states([2, 3].into());
    match (mode.sweep)(subject, &wrong, &[1.0; 6], &[vec![1.0; 6]]) {
        Err(AdError::Array { operation: "matmul", .. }) => {}
        Err(error) => findings.add("a wrong product inside", format!("is `{error}`")),
        Ok(_) => findings.add("a wrong product inside", "is no error"),
    }
    findings.done()
}

pub(super) fn hessian_products(subject: &ArraySubject, law: ArrayLaw) -> Violations {
    let programs = case::operations().into_iter().filter(|program| program.x.len() <= 40);
    products(subject, law, programs.collect())
}

pub(super) fn hessian_products_of_networks(subject: &ArraySubject, law: ArrayLaw) -> Violations {
    let mut findings = Findings::new(law);
    let programs = findings.expect("the programs", case::networks()).unwrap_or_default();
    let mut violations = findings.done();
    violations.extend(products(subject, law, programs));
    violations
}

fn products(subject: &ArraySubject, law: ArrayLaw, programs: Vec<Program>) -> Violations {
    let mut findings = Findings::new(law);
    for program in programs {
        let (f, x, name) = (&program.f, &program.x, &program.name);
        let (w, v) = (seed(program.outputs(), 1), seed(x.len(), 2));
        let found = subject.differentiator.hvp(f, x, &w, &v);
        let both = found.and_then(|found| Ok((found, reference::hvp(f, x, &w, &v)?)));
        if let Some((found, expected)) = findings.expect(name, both) {
            findings.note(name, subject.compare(&found, &expected));
        }
    }
    findings.done()
}
