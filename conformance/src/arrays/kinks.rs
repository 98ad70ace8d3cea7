//! Kinks, ties and poles, with derivatives found by hand.

use ad_api::array::{ArrayOp, Dims};
use ad_api::{Binary, Result, Unary};

use super::reference::{self, Entries};
use super::{ArrayLaw, ArraySubject, Steps};
use crate::Violation;
use crate::violation::Findings;

type Violations = Vec<Violation<ArrayLaw>>;

const INF: f64 = f64::INFINITY;

/// A program at a point, a cotangent, and what it is pulled back to.
struct Kink {
    name: &'static str,
    f: Steps,
    x: Entries,
    y_bar: Entries,
    x_bar: Entries,
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn table() -> Result<Vec<Kink>> {
    let mut table = vec![];
    let mut add = |name, f: Result<Steps>, x: &[&[f64]], y_bar: &[f64], x_bar: &[&[f64]]| {
        let (x, y_bar, x_bar) = (x.concat(), y_bar.to_vec(), x_bar.concat());
        f.map(|f| table.push(Kink { name, f, x, y_bar, x_bar }))
    };
    // Programs of one operation on arrays of one axis.
    let one = |op: ArrayOp, n: usize| Steps::new(vec![[n].into()]).then(op, &[0]).returns(&[1]);
    let unary = |function, n| one(ArrayOp::Unary(function), n);
    let two = |op: ArrayOp, n: usize| {
        Steps::new(vec![[n].into(), [n].into()]).then(op, &[0, 1]).returns(&[2])
    };
    let binary = |function, n| two(ArrayOp::Binary(function), n);

    add(
        "|x|",
        unary(Unary::Abs, 4),
        &[&[0.0, -0.0, 2.0, -3.0]],
        &[1.0; 4],
        &[&[0.0, 0.0, 1.0, -1.0]],
    )?;
    add(
        "relu",
        one(ArrayOp::Relu, 4),
        &[&[0.0, -0.0, 2.0, -1.0]],
        &[1.0; 4],
        &[&[0.0, 0.0, 1.0, 0.0]],
    )?;
    add(
        "softplus",
        one(ArrayOp::Softplus, 3),
        &[&[0.0, 1000.0, -1000.0]],
        &[1.0; 3],
        &[&[0.5, 1.0, 0.0]],
    )?;
    add(
        "sigmoid",
        one(ArrayOp::Sigmoid, 3),
        &[&[0.0, 1000.0, -1000.0]],
        &[1.0; 3],
        &[&[0.25, 0.0, 0.0]],
    )?;
    add("tanh far out", unary(Unary::Tanh, 2), &[&[800.0, -800.0]], &[1.0; 2], &[&[0.0, 0.0]])?;
    for step in [Unary::Floor, Unary::Ceil, Unary::Round, Unary::Trunc, Unary::Signum] {
        add("step functions", unary(step, 4), &[&[0.0, 1.5, 2.0, -0.5]], &[1.0; 4], &[&[0.0; 4]])?;
    }
    add("fract", unary(Unary::Fract, 2), &[&[2.0, -1.5]], &[3.0, 1.0], &[&[3.0, 1.0]])?;
    add("detach", one(ArrayOp::Detach, 2), &[&[2.0, 0.0]], &[1.0; 2], &[&[0.0; 2]])?;

    let (a, b): (&[f64], &[f64]) = (&[2.0, 1.0, 3.0], &[2.0, 3.0, 1.0]);
    add(
        "maximum of equals",
        binary(Binary::Max, 3),
        &[a, b],
        &[1.0; 3],
        &[&[1.0, 0.0, 1.0], &[0.0, 1.0, 0.0]],
    )?;
    add(
        "minimum of equals",
        binary(Binary::Min, 3),
        &[a, b],
        &[1.0; 3],
        &[&[1.0, 1.0, 0.0], &[0.0, 0.0, 1.0]],
    )?;
    let clamp = Steps::new(vec![[3].into(), Dims::SCALAR, Dims::SCALAR])
        .then(ArrayOp::Binary(Binary::Max), &[0, 1])
        .then(ArrayOp::Binary(Binary::Min), &[3, 2])
        .returns(&[4]);
    add(
        "clamp at its bounds",
        clamp,
        &[&[0.0, 1.0, 2.0], &[0.0], &[1.0]],
        &[1.0; 3],
        &[&[1.0, 1.0, 0.0], &[0.0], &[1.0]],
    )?;
    let rows = |op: ArrayOp| Steps::new(vec![[4, 3].into()]).then(op, &[0]).returns(&[1]);
    add(
        "equal maxima share evenly",
        rows(ArrayOp::Max(vec![1])),
        &[&[2.0, 2.0, 1.0, 3.0, 3.0, 3.0, 1.0, 2.0, 3.0, 0.0, -0.0, -1.0]],
        &[6.0, 9.0, 1.0, 2.0],
        &[&[3.0, 3.0, 0.0, 3.0, 3.0, 3.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0]],
    )?;
    add(
        "equal maxima over both axes",
        rows(ArrayOp::Max(vec![0, 1])),
        &[&[1.0, 5.0, 1.0, 1.0, 1.0, 5.0, 5.0, 1.0, 1.0, 5.0, 1.0, 1.0]],
        &[2.0],
        &[&[0.0, 0.5, 0.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.5, 0.0, 0.0]],
    )?;
    let abs_max = Steps::new(vec![[3].into()])
        .then(ArrayOp::Unary(Unary::Abs), &[0])
        .then(ArrayOp::Max(vec![0]), &[1])
        .returns(&[2]);
    add("largest |x|, of zeros", abs_max, &[&[0.0; 3]], &[1.0], &[&[0.0; 3]])?;

    add("√0", unary(Unary::Sqrt, 2), &[&[0.0, 4.0]], &[1.0, 1.0], &[&[INF, 0.25]])?;
    add(
        "√0 with a cotangent of 0",
        unary(Unary::Sqrt, 2),
        &[&[0.0, 4.0]],
        &[0.0, 1.0],
        &[&[0.0, 0.25]],
    )?;
    let times = Steps::new(vec![[2].into(), [2].into()])
        .then(ArrayOp::Unary(Unary::Sqrt), &[0])
        .then(ArrayOp::Mul, &[2, 1])
        .returns(&[3]);
    add(
        "√0 times 0",
        times,
        &[&[0.0, 4.0], &[0.0, 3.0]],
        &[1.0, 1.0],
        &[&[0.0, 0.75], &[0.0, 2.0]],
    )?;
    add(
        "an infinite factor, with a cotangent of 0",
        two(ArrayOp::Mul, 2),
        &[&[2.0, 2.0], &[INF, 3.0]],
        &[0.0, 1.0],
        &[&[0.0, 3.0], &[0.0, 2.0]],
    )?;
    add(
        "1/0 with a cotangent of 0",
        unary(Unary::Recip, 2),
        &[&[0.0, 2.0]],
        &[0.0, 1.0],
        &[&[0.0, -0.25]],
    )?;
    add("0/2", two(ArrayOp::Div, 1), &[&[0.0], &[2.0]], &[1.0], &[&[0.5], &[0.0]])?;
    for (name, function) in
        [("√x not chosen at 0", Unary::Sqrt), ("ln x not chosen at 0", Unary::Ln)]
    {
        let select = Steps::new(vec![[2].into(), [2].into(), [2].into()])
            .then(ArrayOp::Unary(function), &[1])
            .then(ArrayOp::Select, &[0, 2, 3])
            .returns(&[4]);
        add(
            name,
            select,
            &[&[1.0, 0.0], &[0.0, 4.0], &[5.0, 6.0]],
            &[1.0, 1.0],
            &[&[0.0; 2], &[0.0, 0.25], &[1.0, 0.0]],
        )?;
    }
    add(
        "x^0, x^1, x^2 at 0",
        Steps::new(vec![[1].into()])
            .then(ArrayOp::Unary(Unary::Powi(0)), &[0])
            .then(ArrayOp::Unary(Unary::Powi(1)), &[0])
            .then(ArrayOp::Unary(Unary::Powi(2)), &[0])
            .then(ArrayOp::Concat(0), &[1, 2, 3])
            .returns(&[4]),
        &[&[0.0]],
        &[1.0, 10.0, 100.0],
        &[&[10.0]],
    )?;
    add("0^1.5", one(ArrayOp::Powf(1.5), 2), &[&[0.0, 4.0]], &[1.0; 2], &[&[0.0, 3.0]])?;
    add(
        "constant powers of negative numbers",
        one(ArrayOp::Powf(2.0), 2),
        &[&[-3.0, 0.0]],
        &[1.0; 2],
        &[&[-6.0, 0.0]],
    )?;
    add("x^0.0 at 0", one(ArrayOp::Powf(0.0), 2), &[&[0.0, 2.0]], &[1.0; 2], &[&[0.0; 2]])?;
    add(
        "0^b",
        binary(Binary::Powf, 2),
        &[&[0.0, 2.0], &[2.0, 3.0]],
        &[1.0; 2],
        &[&[0.0, 12.0], &[0.0, 8.0 * 2.0_f64.ln()]],
    )?;
    add(
        "hypot(0, 0)",
        binary(Binary::Hypot, 2),
        &[&[0.0, 3.0], &[0.0, 4.0]],
        &[1.0; 2],
        &[&[0.0, 0.6], &[0.0, 0.8]],
    )?;
    add(
        "atan2 on the axis",
        binary(Binary::Atan2, 1),
        &[&[0.0], &[-2.0]],
        &[1.0],
        &[&[-0.5], &[0.0]],
    )?;
    add("sinc at 0", unary(Unary::Sinc, 1), &[&[0.0]], &[1.0], &[&[0.0]])?;
    // The norm of `Array`, as it is made of operations.
    let norm = Steps::new(vec![[2].into()])
        .then(ArrayOp::Mul, &[0, 0])
        .then(ArrayOp::Sum(vec![0]), &[1])
        .then(ArrayOp::MulScalar(0.0), &[2])
        .then(ArrayOp::Compare(ad_api::Relation::Equal), &[2, 3])
        .then(ArrayOp::AddScalar(1.0), &[3])
        .then(ArrayOp::Select, &[4, 5, 2])
        .then(ArrayOp::Unary(Unary::Sqrt), &[6])
        .then(ArrayOp::Select, &[4, 3, 7])
        .returns(&[8])?;
    add("norm of zeros", Ok(norm.clone()), &[&[0.0, 0.0]], &[1.0], &[&[0.0, 0.0]])?;
    add("norm", Ok(norm), &[&[3.0, -4.0]], &[1.0], &[&[0.6, -0.8]])?;
    let repeated = ArrayOp::IndexSelect { axis: 0, indices: vec![0, 0, 1].into() };
    add("a repeated index", one(repeated, 2), &[&[5.0, 7.0]], &[1.0, 2.0, 4.0], &[&[3.0, 4.0]])?;
    Ok(table)
}

pub(super) fn pulls_back(subject: &ArraySubject, law: ArrayLaw) -> Violations {
    let mut findings = Findings::new(law);
    for kink in findings.expect("the table", table()).unwrap_or_default() {
        let Kink { name, f, x, y_bar, x_bar } = kink;
        let found = subject.differentiator.pullback(&f, &x, &[y_bar]);
        let Some(found) = findings.expect(name, found) else { continue };
        let found = found.swept.concat();
        findings.note(format!("{name} at {x:?}"), subject.compare(&found, &x_bar));
    }
    findings.done()
}

/// Along every input, along none, and along all: the reference, which passes the table itself.
pub(super) fn pushes_forward(subject: &ArraySubject, law: ArrayLaw) -> Violations {
    let mut findings = Findings::new(law);
    for Kink { name, f, x, .. } in findings.expect("the table", table()).unwrap_or_default() {
        let mut tangents = vec![vec![0.0; x.len()], vec![1.0; x.len()]];
        tangents.extend((0..x.len()).map(|k| reference::unit(x.len(), k)));
        for x_dot in tangents {
            let place = format!("{name} at {x:?} along {x_dot:?}");
            let found = subject.differentiator.pushforward(&f, &x, std::slice::from_ref(&x_dot));
            let both = found.and_then(|found| Ok((found, reference::pushforward(&f, &x, &x_dot)?)));
            if let Some((found, expected)) = findings.expect(&place, both) {
                findings.note(&place, subject.compare(&found.swept.concat(), &expected));
            }
        }
    }
    findings.done()
}

#[cfg(test)]
mod tests {
    use ad_api::array::ArrayFunction;

    use super::*;

    #[test]
    fn the_reference_has_the_derivatives_found_by_hand() {
        for Kink { name, f, x, y_bar, x_bar } in table().unwrap() {
            let found = reference::pullback(&f, &x, &y_bar).unwrap();
            let close = found.iter().zip(&x_bar).all(|(a, b)| a == b || (a - b).abs() < 1e-15);
            assert!(close && found.len() == x_bar.len(), "{name}: {found:?}, expected {x_bar:?}");
            assert_eq!(f.outputs().iter().map(Dims::count).sum::<usize>(), y_bar.len(), "{name}");
        }
    }
}
