//! Every function of entries against the same function of `f64`, at ordinary and special numbers.

use ad_api::Relation;
use ad_api::array::{Array, ArrayOp};
use ad_api::{Binary, Unary};
use ad_burn::{BurnDevice, BurnTensor, Precision};

const UNARY: [Unary; 35] = [
    Unary::Sin,
    Unary::Cos,
    Unary::Tan,
    Unary::Asin,
    Unary::Acos,
    Unary::Atan,
    Unary::Sinh,
    Unary::Cosh,
    Unary::Tanh,
    Unary::Asinh,
    Unary::Acosh,
    Unary::Atanh,
    Unary::Exp,
    Unary::Exp2,
    Unary::ExpM1,
    Unary::Ln,
    Unary::Ln1p,
    Unary::Log2,
    Unary::Log10,
    Unary::Sqrt,
    Unary::Cbrt,
    Unary::Recip,
    Unary::Sinc,
    Unary::Sinhc,
    Unary::Fract,
    Unary::Erf,
    Unary::Abs,
    Unary::Floor,
    Unary::Ceil,
    Unary::Round,
    Unary::Trunc,
    Unary::Signum,
    Unary::Powi(-3),
    Unary::Powi(0),
    Unary::Powi(5),
];

const BINARY: [Binary; 7] = [
    Binary::Powf,
    Binary::Hypot,
    Binary::Atan2,
    Binary::Rem,
    Binary::Max,
    Binary::Min,
    Binary::Copysign,
];

const COMPARISONS: [Relation; 6] = [
    Relation::Equal,
    Relation::GreaterOrEqual,
    Relation::Greater,
    Relation::LessOrEqual,
    Relation::Less,
    Relation::NotEqual,
];

const POINTS: [f64; 25] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    0.25,
    -0.75,
    1e-3,
    -1e-3,
    9.765_625e-4,
    3.0,
    -7.25,
    20.0,
    -20.0,
    50.5,
    1e-30,
    -1e-30,
    1e30,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// `found` is `expected` to a few units in the last place, and the same infinity or NaN.
fn close(found: f64, expected: f64, unit: f64) -> bool {
    let (tiny, huge) =
        if unit == f64::EPSILON { (f64::MIN_POSITIVE, f64::MAX) } else { (1.2e-38, 3.4e38) };
    if expected.is_nan() || found.is_nan() {
        return found.is_nan() && expected.is_nan();
    }
    if expected.abs() > huge {
        return found == expected.signum() * f64::INFINITY;
    }
    let same_sign = expected != 0.0 || found != 0.0 || found.signum() == expected.signum();
    (found - expected).abs() <= 4.0 * unit * expected.abs() + tiny && same_sign
}

#[test]
fn functions_of_one_number() {
    let mut wrong = Vec::new();
    for precision in [Precision::F64, Precision::F32] {
        let x: Array<BurnTensor> =
            Array::from_host(&BurnDevice::cpu(precision), [POINTS.len()], &POINTS);
        let entries = x.to_vec().unwrap();
        for function in UNARY {
            let y = Array::apply(&ArrayOp::Unary(function), &[&x]).to_vec().unwrap();
            for (&x, y) in entries.iter().zip(y) {
                if !close(y, function.eval(x), precision.unit()) {
                    wrong
                        .push(format!("{precision} {function:?}({x}) = {y}, {}", function.eval(x)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn functions_of_two_numbers() {
    let mut wrong = Vec::new();
    for precision in [Precision::F64, Precision::F32] {
        let n = POINTS.len();
        let a: Array<BurnTensor> = Array::from_host(&BurnDevice::cpu(precision), [n, 1], &POINTS);
        let entries = a.to_vec().unwrap();
        let b = a.transpose();
        let mut check = |op: ArrayOp, f: &dyn Fn(f64, f64) -> f64| {
            let y = Array::apply(&op, &[&a, &b]).to_vec().unwrap();
            for (k, y) in y.into_iter().enumerate() {
                let (a, b) = (entries[k / n], entries[k % n]);
                if !close(y, f(a, b), precision.unit()) {
                    wrong.push(format!("{precision} {op:?}({a}, {b}) = {y}, {}", f(a, b)));
                }
            }
        };
        for function in BINARY {
            check(ArrayOp::Binary(function), &|a, b| function.eval(a, b));
        }
        check(ArrayOp::Mul, &|a, b| a * b);
        check(ArrayOp::Div, &|a, b| a / b);
        for comparison in COMPARISONS {
            check(ArrayOp::Compare(comparison), &|a, b| {
                f64::from(u8::from(comparison.holds(&a, &b)))
            });
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
