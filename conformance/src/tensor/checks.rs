//! Checks against plain loops, and of what arrays are beside their entries.

use ad_api::Unary;
use ad_api::array::ArrayOp;

use super::case::{self, Case};
use super::library::Copies;
use super::plain::Plain;
use super::subject::close;
use super::{TensorLaw, TensorSubject};
use crate::Violation;
use crate::violation::Findings;

type Violations = Vec<Violation<TensorLaw>>;

/// Every case gives what plain loops give.
pub(super) fn agrees(subject: &TensorSubject, law: TensorLaw, cases: Vec<Case>) -> Violations {
    let mut findings = Findings::new(law);
    for case in cases {
        findings.note(case.place(), subject.differs(&case));
    }
    findings.done()
}

/// One or two cases of every kind of operation.
fn samples() -> Vec<Case> {
    let all = [
        case::functions(),
        case::pairs(),
        case::choices(),
        case::products(),
        case::permutations(),
        case::shapes(),
        case::parts(),
        case::lookups(),
        case::joins(),
        case::reductions(ArrayOp::Sum),
        case::reductions(ArrayOp::Max),
    ];
    // A step that is prime to the regular structure of the tables.
    all.into_iter().flat_map(|cases| cases.into_iter().step_by(7)).collect()
}

pub(super) fn stays_on_device(subject: &TensorSubject, law: TensorLaw) -> Violations {
    let mut findings = Findings::new(law);
    for case in samples() {
        let found = findings.expect(case.place(), subject.library.compute(&case));
        if found.is_some_and(|found| !found.at_home) {
            findings.add(case.place(), "the result lives on another device");
        }
    }
    findings.done()
}

pub(super) fn leaves_operands(subject: &TensorSubject, law: TensorLaw) -> Violations {
    let mut findings = Findings::new(law);
    for case in samples() {
        let after = findings.expect(case.place(), subject.library.operands_after(&case));
        for (k, found) in after.into_iter().flatten().enumerate() {
            let detail = subject.compare(&found, &case.operands[k].plain());
            findings.note(format!("operand {k} after {}", case.place()), detail);
        }
    }
    findings.done()
}

pub(super) fn returns_entries(subject: &TensorSubject, law: TensorLaw) -> Violations {
    let mut findings = Findings::new(law);
    let mut check = |dims: &[usize], entries: Vec<f64>| {
        let place = format!("shape {dims:?}");
        let result = subject.library.send(dims, &entries);
        let Some(found) = findings.expect(&place, result) else { return };
        findings.note(&place, subject.compare(&found, &Plain::new(dims, entries.clone())));
        let signs = found.entries.iter().zip(&entries);
        for (found, entry) in signs.filter(|(found, _)| **found == 0.0) {
            if found.is_sign_negative() != entry.is_sign_negative() {
                findings.add(&place, "a zero changed its sign");
            }
        }
        if !found.at_home {
            findings.add(&place, "lives on another device");
        }
    };
    for dims in case::SHAPES {
        let count = dims.iter().product();
        check(dims, case::points(1).into_iter().cycle().take(count).collect());
    }
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    check(&[6], vec![0.0, -0.0, inf, -inf, nan, 16_777_216.0]);
    findings.done()
}

pub(super) fn fills(subject: &TensorSubject, law: TensorLaw) -> Violations {
    let mut findings = Findings::new(law);
    for (dims, value) in case::SHAPES.iter().zip([1.5, -0.25, 0.0, f64::INFINITY].iter().cycle()) {
        let place = format!("shape {dims:?} full of {value}");
        let expected = Plain::new(dims, vec![*value; dims.iter().product()]);
        let Some(found) = findings.expect(&place, subject.library.full(dims, *value)) else {
            continue;
        };
        findings.note(&place, subject.compare(&found, &expected));
        if !found.at_home {
            findings.add(&place, "lives on another device");
        }
    }
    findings.done()
}

/// `(1 + 4 p) - 1` is `4 p` to a quarter, and `1/3` is not right to much more than `p`.
pub(super) fn states_precision(subject: &TensorSubject, law: TensorLaw) -> Violations {
    let mut findings = Findings::new(law);
    let p = subject.precision();
    if !(f64::EPSILON..=0.1).contains(&p) {
        findings.add("precision", format!("{p:e} is no relative rounding error"));
        return findings.done();
    }
    let case = |op: ArrayOp, entries: Vec<f64>| Case::of_entries(op, &[(&[1], &entries)], &[1]);
    let mut compute = |place: &str, case: &Case| {
        let found = findings.expect(place, subject.library.compute(case));
        found.and_then(|found| found.entries.first().copied())
    };
    let sum = compute("1 + 4p", &case(ArrayOp::AddScalar(4.0 * p), vec![1.0]));
    let third = compute("1/3", &case(ArrayOp::Unary(Unary::Recip), vec![3.0]));
    if let Some(sum) = sum.filter(|&sum| !close(sum - 1.0, 4.0 * p, p)) {
        findings.add("1 + 4p", format!("is 1 + {:e}, for a precision of {p:e}", sum - 1.0));
    }
    // Twice the error of rounding to the nearest number; half a unit in the last place is `p/2`.
    if let Some(third) = third.filter(|&third| !close(third, 1.0 / 3.0, 2.0 * p)) {
        let error = third - 1.0 / 3.0;
        findings.add("1/3", format!("has an error of {error:e}, for a precision of {p:e}"));
    }
    findings.done()
}

pub(super) fn methods(subject: &TensorSubject, law: TensorLaw) -> Violations {
    let mut findings = Findings::new(law);
    for method in subject.library.methods() {
        let Some((dims, entries)) = findings.expect(method.name, method.found) else { continue };
        let right = dims == method.dims
            && entries.len() == method.entries.len()
            && entries.iter().zip(&method.entries).all(|(&found, &expected)| {
                let error = subject.tolerance() * (expected.abs() + 1.0);
                close(found, expected, error)
            });
        if !right {
            let (expected, values) = (&method.dims, &method.entries);
            let detail = format!("is {dims:?} {entries:?}, expected {expected:?} {values:?}");
            findings.add(method.name, detail);
        }
    }
    findings.done()
}

pub(super) fn copies_constants_once(subject: &TensorSubject, law: TensorLaw) -> Violations {
    let mut findings = Findings::new(law);
    let result = subject.library.copies_of_a_constant();
    let expected = Copies { first: 6, again: 0, of_a_clone: 0, on_another_device: 6 };
    if let Some(found) = findings.expect("a constant of 6 entries", result) {
        let wrong =
            (found != expected).then(|| format!("copied {found:?} entries, expected {expected:?}"));
        findings.note("a constant of 6 entries", wrong);
    }
    findings.done()
}

/// Sums of small integers are exact in every order and precision.
pub(super) fn handles_large_arrays(subject: &TensorSubject, law: TensorLaw) -> Violations {
    const COUNT: usize = 100_000;
    let mut findings = Findings::new(law);
    let entries: Vec<_> = (0..COUNT).map(|i| ((i * 7) % 13) as f64 - 6.0).collect();
    let mut check = |place: &str, case: &Case, expected: Vec<f64>| {
        let sizes = expected.iter().map(|x| x.abs()).collect();
        let expected = Plain { dims: case.dims.clone(), entries: expected, sizes };
        if let Some(found) = findings.expect(place, subject.library.compute(case)) {
            findings.note(place, subject.compare(&found, &expected));
        }
    };
    let whole: &[usize] = &[COUNT];
    let sum = Case::of_entries(ArrayOp::Sum(vec![0]), &[(whole, &entries)], &[]);
    check("sum", &sum, vec![entries.iter().sum()]);
    let table: &[usize] = &[1000, 100];
    let columns = Case::of_entries(ArrayOp::Sum(vec![0]), &[(table, &entries)], &[100]);
    check(
        "sums of columns",
        &columns,
        (0..100).map(|j| entries.iter().skip(j).step_by(100).sum()).collect(),
    );
    let row: Vec<_> = (0..100).map(f64::from).collect();
    let both: [(&[usize], &[f64]); 2] = [(table, &entries), (&[100], &row)];
    let product = Case::of_entries(ArrayOp::Mul, &both, table);
    check("product with a row", &product, (0..COUNT).map(|i| entries[i] * row[i % 100]).collect());
    let tanh = Case::of_entries(ArrayOp::Unary(Unary::Tanh), &[(whole, &entries)], whole);
    check("tanh", &tanh, entries.iter().map(|x| x.tanh()).collect());
    let back: Vec<_> = (0..COUNT).rev().collect();
    let turned = ArrayOp::IndexSelect { axis: 0, indices: back.into() };
    let turned = Case::of_entries(turned, &[(whole, &entries)], whole);
    check("back to front", &turned, entries.iter().rev().copied().collect());
    let vector: [(&[usize], &[f64]); 2] = [(table, &entries), (&[100, 1], &row)];
    let product = Case::of_entries(ArrayOp::MatMul, &vector, &[1000, 1]);
    let dot = |line: &[f64]| line.iter().zip(&row).map(|(a, b)| a * b).sum();
    check("product with a vector", &product, entries.chunks(100).map(dot).collect());
    findings.done()
}

pub(super) fn works_in_threads(subject: &TensorSubject, law: TensorLaw) -> Violations {
    let mut findings = Findings::new(law);
    let cases = case::products();
    let work = || cases.iter().map(|case| subject.differs(case)).collect::<Vec<_>>();
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        (work(), other.join())
    });
    let Ok(other) = other else {
        findings.add("the second thread", "panicked");
        return findings.done();
    };
    for (case, detail) in cases.iter().chain(&cases).zip(one.into_iter().chain(other)) {
        findings.note(case.place(), detail);
    }
    findings.done()
}
