//! Special values, as `ArrayOp` and `Scalar` document them.

use std::f64::consts::{FRAC_2_SQRT_PI, FRAC_PI_2, PI};

use ad_api::array::ArrayOp;
use ad_api::{Binary, Relation, Unary};

use super::case::Case;
use super::subject::close;
use super::{TensorLaw, TensorSubject};
use crate::Violation;
use crate::violation::Findings;

type Violations = Vec<Violation<TensorLaw>>;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// One operand of one axis, or two, and the result, entry by entry.
fn table(precision: f64) -> Vec<(ArrayOp, Vec<Vec<f64>>, Vec<f64>)> {
    use ArrayOp::{Add, Div, Mul, MulScalar, Powf, Relu, Sigmoid, Softplus};
    // Numbers whose squares overflow and underflow.
    let (huge, tiny) = if precision > 1e-10 { (1e30, 1e-5) } else { (1e200, 1e-10) };
    let one = |op: ArrayOp, x: &[f64], y: &[f64]| (op, vec![x.to_vec()], y.to_vec());
    let f = |function: Unary, x: &[f64], y: &[f64]| one(ArrayOp::Unary(function), x, y);
    let two = |op: ArrayOp, a: &[f64], b: &[f64], y: &[f64]| {
        (op, vec![a.to_vec(), b.to_vec()], y.to_vec())
    };
    let g =
        |function: Binary, a: &[f64], b: &[f64], y: &[f64]| two(ArrayOp::Binary(function), a, b, y);
    let compare = |comparison, expected: &[f64]| {
        let a = [NAN, 1.0, NAN, 1.0, 2.0, 0.0, INF, -INF];
        let b = [NAN, NAN, 1.0, 1.0, 1.0, -0.0, INF, INF];
        two(ArrayOp::Compare(comparison), &a, &b, expected)
    };
    vec![
        one(Relu, &[NAN, -0.0, -INF, INF, -1.0], &[NAN, 0.0, 0.0, INF, 0.0]),
        one(Sigmoid, &[1000.0, -1000.0, INF, -INF, NAN, 0.0], &[1.0, 0.0, 1.0, 0.0, NAN, 0.5]),
        one(Softplus, &[1000.0, -1000.0, INF, -INF, NAN], &[1000.0, 0.0, INF, 0.0, NAN]),
        one(MulScalar(0.0), &[INF, NAN, -2.0], &[NAN, NAN, 0.0]),
        one(Powf(0.0), &[0.0, 2.0, -3.0], &[1.0, 1.0, 1.0]),
        one(Powf(1.5), &[0.0, 4.0, -1.0], &[0.0, 8.0, NAN]),
        one(Powf(2.0), &[-3.0, 0.0], &[9.0, 0.0]),
        one(Powf(3.0), &[-2.0], &[-8.0]),
        one(Powf(-1.0), &[0.0, -4.0], &[INF, -0.25]),
        f(Unary::Tanh, &[800.0, -800.0, INF, -INF, NAN], &[1.0, -1.0, 1.0, -1.0, NAN]),
        f(Unary::Exp, &[-INF, INF, 1000.0, -1000.0, NAN], &[0.0, INF, INF, 0.0, NAN]),
        f(Unary::Ln, &[0.0, -1.0, INF, 1.0, NAN], &[-INF, NAN, INF, 0.0, NAN]),
        f(Unary::Sqrt, &[0.0, -1.0, INF, NAN], &[0.0, NAN, INF, NAN]),
        f(Unary::Recip, &[0.0, -0.0, INF, NAN], &[INF, -INF, 0.0, NAN]),
        f(Unary::Powi(0), &[0.0, 5.0, -INF], &[1.0, 1.0, 1.0]),
        f(Unary::Powi(2), &[-3.0, 0.0, -INF], &[9.0, 0.0, INF]),
        f(Unary::Powi(3), &[-2.0, -INF], &[-8.0, -INF]),
        f(Unary::Powi(-1), &[0.0, -2.0], &[INF, -0.5]),
        f(Unary::Abs, &[-0.0, -INF, NAN], &[0.0, INF, NAN]),
        f(Unary::Signum, &[0.0, -0.0, -3.0, INF, NAN], &[1.0, -1.0, -1.0, 1.0, NAN]),
        f(Unary::Round, &[0.5, -0.5, 1.5, 2.5, -2.5], &[1.0, -1.0, 2.0, 3.0, -3.0]),
        f(Unary::Floor, &[-1.5, 2.0, -INF], &[-2.0, 2.0, -INF]),
        f(Unary::Ceil, &[-1.5, 2.0, INF], &[-1.0, 2.0, INF]),
        f(Unary::Trunc, &[-1.5, 1.5], &[-1.0, 1.0]),
        f(Unary::Fract, &[-1.5, 1.25, 2.0], &[-0.5, 0.25, 0.0]),
        f(Unary::Erf, &[INF, -INF, 0.0, NAN], &[1.0, -1.0, 0.0, NAN]),
        f(Unary::Erf, &[1.0, tiny], &[0.842_700_792_949_714_9, tiny * FRAC_2_SQRT_PI]),
        f(Unary::ExpM1, &[tiny, -INF], &[tiny + tiny * tiny / 2.0, -1.0]),
        f(Unary::Ln1p, &[tiny, -1.0], &[tiny - tiny * tiny / 2.0, -INF]),
        f(Unary::Cbrt, &[-8.0, 0.0], &[-2.0, 0.0]),
        f(Unary::Sinc, &[0.0], &[1.0]),
        f(Unary::Sinhc, &[0.0], &[1.0]),
        f(Unary::Asin, &[1.5], &[NAN]),
        f(Unary::Atanh, &[1.0, -1.0], &[INF, -INF]),
        two(Add, &[INF, INF, NAN], &[-INF, 1.0, 1.0], &[NAN, INF, NAN]),
        two(Mul, &[0.0, INF, -INF], &[INF, 2.0, 2.0], &[NAN, INF, -INF]),
        two(
            Div,
            &[0.0, 1.0, 1.0, 1.0, -1.0],
            &[0.0, 0.0, -0.0, INF, INF],
            &[NAN, INF, -INF, 0.0, 0.0],
        ),
        g(
            Binary::Max,
            &[NAN, 1.0, NAN, INF, 2.0],
            &[1.0, NAN, NAN, 1.0, 2.0],
            &[1.0, 1.0, NAN, INF, 2.0],
        ),
        g(
            Binary::Min,
            &[NAN, 1.0, NAN, INF, 2.0],
            &[1.0, NAN, NAN, 1.0, 2.0],
            &[1.0, 1.0, NAN, 1.0, 2.0],
        ),
        g(
            Binary::Powf,
            &[0.0, 0.0, -2.0, -2.0, -2.0, 0.0],
            &[0.0, 2.0, 2.0, 3.0, 0.5, -1.0],
            &[1.0, 0.0, 4.0, -8.0, NAN, INF],
        ),
        g(
            Binary::Hypot,
            &[0.0, 3.0 * huge, INF, tiny],
            &[0.0, 4.0 * huge, 1.0, 0.0],
            &[0.0, 5.0 * huge, INF, tiny],
        ),
        g(
            Binary::Atan2,
            &[0.0, 0.0, 1.0, -1.0, -1.0, 0.0],
            &[1.0, -1.0, 0.0, 0.0, -1.0, 0.0],
            &[0.0, PI, FRAC_PI_2, -FRAC_PI_2, -0.75 * PI, 0.0],
        ),
        g(Binary::Rem, &[5.0, -5.0, 5.0, 1.0], &[3.0, 3.0, -3.0, 0.0], &[2.0, -2.0, 2.0, NAN]),
        g(Binary::Copysign, &[1.0, -2.0, 3.0], &[-0.0, 3.0, -1.0], &[-1.0, 2.0, -3.0]),
        compare(Relation::Less, &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]),
        compare(Relation::LessOrEqual, &[0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0]),
        compare(Relation::Greater, &[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
        compare(Relation::GreaterOrEqual, &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0]),
        compare(Relation::Equal, &[0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]),
        compare(Relation::NotEqual, &[1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]),
    ]
}

pub(super) fn honours_special_values(subject: &TensorSubject, law: TensorLaw) -> Violations {
    let mut findings = Findings::new(law);
    for (op, operands, expected) in table(subject.precision()) {
        let dims = [expected.len()];
        let list: Vec<(&[usize], &[f64])> =
            operands.iter().map(|entries| (&dims[..], entries.as_slice())).collect();
        let case = Case::of_entries(op, &list, &dims);
        expect(subject, &mut findings, &case, &expected);
    }
    let mut check = |op: ArrayOp, operands: &[(&[usize], &[f64])], dims: &[usize], y: &[f64]| {
        expect(subject, &mut findings, &Case::of_entries(op, operands, dims), y);
    };
    let rows = [NAN, 1.0, 1.0, NAN, -INF, -INF, 2.0, 2.0, INF, -INF, INF, INF];
    let maxima = [NAN, NAN, -INF, 2.0, INF, INF];
    check(ArrayOp::Max(vec![1]), &[(&[6, 2], &rows)], &[6], &maxima);
    let sums = [NAN, NAN, -INF, 4.0, NAN, INF];
    check(ArrayOp::Sum(vec![1]), &[(&[6, 2], &rows)], &[6], &sums);
    // A zero in the other factor does not hide an infinity; other rows and columns stay clean.
    let (a, b) = ([INF, 1.0, 1.0, 2.0], [0.0, 1.0, 1.0, 1.0]);
    let product = [NAN, INF, 2.0, 3.0];
    check(ArrayOp::MatMul, &[(&[2, 2], &a), (&[2, 2], &b)], &[2, 2], &product);
    let (row, column) = ([INF, 1.0], [0.0, 1.0]);
    check(ArrayOp::MatMul, &[(&[1, 2], &row), (&[2, 1], &column)], &[1, 1], &[NAN]);
    findings.done()
}

/// What only moves entries, or chooses among them, with NaN and infinities beside those it takes: a
/// library that multiplies by a mask or a one-hot matrix spreads them.
pub(super) fn moves_untouched(subject: &TensorSubject, law: TensorLaw) -> Violations {
    let mut findings = Findings::new(law);
    let mut check = |op: ArrayOp, operands: &[(&[usize], &[f64])], dims: &[usize], y: &[f64]| {
        expect(subject, &mut findings, &Case::of_entries(op, operands, dims), y);
    };
    let x = [1.0, NAN, INF, 2.0, -INF, 3.0];
    let table: &[usize] = &[2, 3];
    let mask = [0.0, -0.0, 1.0, -3.0, NAN, 0.0];
    check(
        ArrayOp::Select,
        &[
            (table, &mask),
            (table, &[NAN, INF, 3.0, 4.0, 5.0, NAN]),
            (table, &[1.0, 2.0, NAN, INF, NAN, 6.0]),
        ],
        table,
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    );
    let turned = [1.0, 2.0, NAN, -INF, INF, 3.0];
    check(ArrayOp::Permute(vec![1, 0]), &[(table, &x)], &[3, 2], &turned);
    check(ArrayOp::Slice(vec![0..2, 0..1]), &[(table, &x)], &[2, 1], &[1.0, 2.0]);
    let embed = ArrayOp::Embed { dims: [4].into(), ranges: vec![1..3] };
    check(embed, &[(&[2], &[NAN, INF])], &[4], &[0.0, NAN, INF, 0.0]);
    let select = ArrayOp::IndexSelect { axis: 1, indices: vec![0, 0].into() };
    check(select, &[(table, &x)], &[2, 2], &[1.0, 1.0, 2.0, 2.0]);
    let add = ArrayOp::ScatterAdd { axis: 0, indices: vec![1, 0, 1, 3].into(), len: 4 };
    check(add, &[(&[4], &[1.0, NAN, INF, 2.0])], &[4], &[NAN, INF, 0.0, 2.0]);
    let joined = [NAN, 1.0, INF];
    check(ArrayOp::Concat(0), &[(&[1], &[NAN]), (&[2], &[1.0, INF])], &[3], &joined);
    check(
        ArrayOp::Broadcast([2, 2].into()),
        &[(&[2], &[NAN, 1.0])],
        &[2, 2],
        &[NAN, 1.0, NAN, 1.0],
    );
    check(ArrayOp::Sum(vec![0]), &[(&[2, 2], &[NAN, 1.0, 2.0, 3.0])], &[2], &[NAN, 4.0]);
    let neg = Case::of_entries(ArrayOp::Neg, &[(&[2], &[0.0, NAN])], &[2]);
    if let Some(found) = findings.expect("-0", subject.library.compute(&neg)) {
        let wrong = found.entries.first().is_none_or(|zero| zero.is_sign_positive());
        findings.note("-0", wrong.then(|| "has no sign".to_owned()));
    }
    findings.done()
}

/// Relative accuracy, and exactness of zeros, infinities and NaN.
fn expect(subject: &TensorSubject, findings: &mut Findings<TensorLaw>, case: &Case, y: &[f64]) {
    let operands: Vec<_> = case.operands.iter().map(|operand| &operand.base.entries).collect();
    let place = format!("{:?} of {operands:?}", case.op);
    let Some(found) = findings.expect(&place, subject.library.compute(case)) else { return };
    let right = found.dims == case.dims
        && found.entries.len() == y.len()
        && found.entries.iter().zip(y).all(|(&found, &expected)| {
            close(found, expected, subject.tolerance() * expected.abs())
        });
    let detail = || format!("is {:?}, expected {y:?}", found.entries);
    findings.note(&place, (!right).then(detail));
}
