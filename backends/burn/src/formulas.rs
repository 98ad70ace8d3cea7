//! Functions that GPUs lack, or give few digits of, from those that they have.
//!
//! Arithmetic, `exp`, `ln`, `sin`, `cos`, `atan`, `sqrt` and comparisons are taken from the device; its other
//! functions are often made of these without care for small arguments. The formulas keep all digits
//! that those functions have, from the smallest to the largest arguments.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2, LOG2_E, LOG10_E, PI};

use ad_api::array::{Array, Tensor};
use ad_api::{Binary, Relation, Unary};

/// Below this, series; above, what they converge too slowly for.
const SMALL: f64 = 0.5;

/// Terms of the series, enough for 53 bits.
const TERMS: i32 = 16;

/// The function, where there is a formula for it.
pub(crate) fn unary<T: Tensor>(function: Unary, x: &Array<T>) -> Option<Array<T>> {
    if is_native(function) {
        // Before anything is computed: the formulas are made of these.
        return None;
    }
    let a = x.abs();
    Some(match function {
        Unary::Asin => (x / (((1.0 - x) * (x + 1.0)).sqrt() + 1.0)).atan() * 2.0,
        Unary::Acos => ((1.0 - x) / (x + 1.0)).sqrt().atan() * 2.0,
        Unary::Sinh => {
            let e = exp_m1(&a);
            let small = (&e + &e / (&e + 1.0)) * 0.5;
            let half = (&a * 0.5).exp();
            let large = &half * 0.5 * &half - 0.5 / &half / &half;
            signed(&a.lt(1.0).select(&small, &large), x)
        }
        Unary::Cosh => {
            let half = (&a * 0.5).exp();
            &half * 0.5 * &half + 0.5 / &half / &half
        }
        Unary::Tanh => {
            let e = exp_m1(&(&a * -2.0));
            signed(&(-&e / (e + 2.0)), x)
        }
        Unary::Asinh => {
            let square = &a * &a;
            let small = ln_1p(&(&a + &square / ((&square + 1.0).sqrt() + 1.0)));
            signed(&a.lt(1e6).select(&small, &(a.ln() + LN_2)), x)
        }
        Unary::Acosh => {
            let t = x - 1.0;
            let small = ln_1p(&(&t + (&t * (&t + 2.0)).sqrt()));
            let value = x.lt(1e6).select(&small, &(x.ln() + LN_2));
            x.lt(1.0).select(&x.number(f64::NAN), &value)
        }
        Unary::Atanh => signed(&(ln_1p(&(&a * 2.0 / (1.0 - &a))) * 0.5), x),
        Unary::Exp2 => x.number(2.0).pow(x),
        Unary::ExpM1 => exp_m1(x),
        Unary::Ln1p => ln_1p(x),
        Unary::Log2 => x.ln() * LOG2_E,
        Unary::Log10 => x.ln() * LOG10_E,
        Unary::Cbrt => {
            // One step of Newton's method for the digits that the power lacks.
            let root = a.powf(1.0 / 3.0);
            let better = &root - (&root - &a / &root / &root) / 3.0;
            let ordinary = a.gt(0.0) * a.lt(f64::INFINITY);
            signed(&ordinary.select(&better, &a), x)
        }
        Unary::Sinc => x.select(&(x.sin() / x), &x.number(1.0)),
        Unary::Sinhc => x.select(&(x.sinh() / x), &x.number(1.0)),
        Unary::Fract => x - x.trunc(),
        Unary::Round => {
            let whole = a.trunc();
            signed(&((&a - &whole).ge(0.5) + whole), x)
        }
        Unary::Signum => is_nan(x).select(x, &signed(&x.ones_like(), x)),
        Unary::Powi(n) => power(x, n),
        _ => return None,
    })
}

/// Whether devices compute the function well themselves.
fn is_native(function: Unary) -> bool {
    use Unary::{Abs, Atan, Ceil, Cos, Erf, Exp, Floor, Ln, Recip, Sin, Sqrt, Tan, Trunc};
    matches!(
        function,
        Abs | Atan | Ceil | Cos | Erf | Exp | Floor | Ln | Recip | Sin | Sqrt | Tan | Trunc
    )
}

/// The function, where there is a formula for it.
pub(crate) fn binary<T: Tensor>(function: Binary, a: &Array<T>, b: &Array<T>) -> Option<Array<T>> {
    Some(match function {
        Binary::Hypot => {
            let (a, b) = (a.abs(), b.abs());
            let (long, short, sum) = (a.maximum(&b), a.minimum(&b), &a + &b);
            let ratio = short / &long;
            let value = (&ratio * &ratio + 1.0).sqrt() * &long;
            let value = is_nan(&sum).select(&sum, &long.select(&value, &sum));
            infinite(&long).select(&long, &value)
        }
        Binary::Rem => {
            // To the rounding of `a`: the exact remainder would take products of twice the digits.
            let (size, step) = (a.abs(), b.abs());
            let value = signed(&(&size - (&size / &step).trunc() * &step).abs(), a);
            (infinite(&step) * size.lt(f64::INFINITY)).select(a, &value)
        }
        Binary::Max => (a.compare(Relation::GreaterOrEqual, b) + is_nan(b)).select(a, b),
        Binary::Min => (a.compare(Relation::LessOrEqual, b) + is_nan(b)).select(a, b),
        Binary::Copysign => signed(&a.abs(), b),
        Binary::Powf | Binary::Atan2 => return None,
    })
}

/// The angle of `(x, y)` from the device's, which need be right only where `y` is not 0.
pub(crate) fn atan2<T: Tensor>(y: &Array<T>, x: &Array<T>, device: &Array<T>) -> Array<T> {
    let back = signed(&y.number(PI).broadcast_to(y.dims()), y);
    let level = is_negative(x).select(&back, y);
    let value = y.select(device, &level);
    (is_nan(x) + is_nan(y)).select(&y.number(f64::NAN), &value)
}

/// `a` to the power of `b` for any sign of `a`, from `magnitude`, the device's power of `|a|`, which
/// need be right only for finite positive numbers.
pub(crate) fn powf<T: Tensor>(a: &Array<T>, b: &Array<T>, magnitude: &Array<T>) -> Array<T> {
    let number = |value: f64| a.number(value);
    let (zero, infinity, nan) = (number(0.0), number(f64::INFINITY), number(f64::NAN));
    let size = a.abs();
    // 0 and infinity, and infinite exponents: the size grows or shrinks without bound.
    let limit = |grows: &Array<T>| grows.select(&infinity, &zero);
    let (rises, falls) = (b.gt(0.0), b.lt(0.0));
    let value = size.select(magnitude, &limit(&falls));
    let value = infinite(&size).select(&limit(&rises), &value);
    let away = size.gt(1.0) * &rises + size.lt(1.0) * &falls;
    let value = infinite(&b.abs()).select(&limit(&away), &value);
    // Negative numbers have powers whose exponents are integers.
    let odd = (b * 0.5).compare(Relation::NotEqual, &(b * 0.5).trunc());
    let whole = b.compare(Relation::Equal, &b.trunc());
    let signed = (&whole * odd).select(&-&value, &value);
    let negative = (whole + infinite(&size)).select(&signed, &nan);
    let value = is_negative(a).select(&(a.select(&negative, &signed)), &value);
    let value = (is_nan(a) + is_nan(b)).select(&nan, &value);
    let one = b.compare(Relation::Equal, &zero) + a.compare(Relation::Equal, &number(1.0));
    let value = one.select(&number(1.0), &value);
    let minus_one = size.compare(Relation::Equal, &number(1.0)) * infinite(&b.abs());
    minus_one.select(&number(1.0), &value)
}

/// The arc tangent from the device's, which may be a number at NaN.
pub(crate) fn atan<T: Tensor>(x: &Array<T>, device: &Array<T>) -> Array<T> {
    is_nan(x).select(x, device)
}

/// The error function from the device's, which may have no relative precision at small arguments.
pub(crate) fn erf<T: Tensor>(x: &Array<T>, device: &Array<T>) -> Array<T> {
    let square = -(x * x);
    // Σ (-x²)ᵏ / (k! (2k + 1)), by Horner's scheme on (-x²)ᵏ / k!.
    let series = (0..TERMS).rev().fold(x.number(0.0), |sum, k| {
        sum * &square * (f64::from(k) + 1.0).recip() + (2.0 * f64::from(k) + 1.0).recip()
    });
    x.abs().lt(SMALL).select(&(x * series * FRAC_2_SQRT_PI), device)
}

/// `1 / (1 + exp(-x))`
pub(crate) fn sigmoid<T: Tensor>(x: &Array<T>) -> Array<T> {
    let e = (-x.abs()).exp();
    let value = 1.0 / (&e + 1.0);
    x.ge(0.0).select(&value, &(e * &value))
}

/// `ln(1 + exp(x))`
pub(crate) fn softplus<T: Tensor>(x: &Array<T>) -> Array<T> {
    relu(x) + ln_1p(&(-x.abs()).exp())
}

/// `x` where positive, else 0; NaN stays NaN.
pub(crate) fn relu<T: Tensor>(x: &Array<T>) -> Array<T> {
    x.le(0.0).select(&x.number(0.0), x)
}

fn exp_m1<T: Tensor>(x: &Array<T>) -> Array<T> {
    let series =
        (2..=TERMS).rev().fold(x.number(1.0), |sum, k| sum * x * f64::from(k).recip() + 1.0);
    x.abs().lt(SMALL).select(&(x * series), &(x.exp() - 1.0))
}

/// `ln(1 + x) = 2 artanh(s)` with `s = x / (2 + x)`, which is small where `x` is.
fn ln_1p<T: Tensor>(x: &Array<T>) -> Array<T> {
    let s = x / (x + 2.0);
    let square = &s * &s;
    let series = (0..TERMS + 2)
        .rev()
        .fold(x.number(0.0), |sum, k| sum * &square + (2.0 * f64::from(k) + 1.0).recip());
    x.abs().lt(SMALL).select(&(s * series * 2.0), &(x + 1.0).ln())
}

/// By repeated squaring.
fn power<T: Tensor>(x: &Array<T>, n: i32) -> Array<T> {
    let (mut bits, mut square, mut product) = (n.unsigned_abs(), x.clone(), None);
    while bits > 0 {
        if bits & 1 == 1 {
            product = Some(product.map_or_else(|| square.clone(), |p: Array<T>| p * &square));
        }
        bits >>= 1;
        if bits > 0 {
            square = &square * &square;
        }
    }
    let product = product.unwrap_or_else(|| x.ones_like());
    if n < 0 { 1.0 / product } else { product }
}

/// A number that is not negative, with the sign of `x`.
fn signed<T: Tensor>(size: &Array<T>, x: &Array<T>) -> Array<T> {
    is_negative(x).select(&-size, size)
}

/// Of zeros, -0 is negative.
fn is_negative<T: Tensor>(x: &Array<T>) -> Array<T> {
    x.select(&x.lt(0.0), &(1.0 / x).lt(0.0))
}

fn is_nan<T: Tensor>(x: &Array<T>) -> Array<T> {
    x.compare(Relation::NotEqual, x)
}

/// Whether a number that is not negative is infinite.
fn infinite<T: Tensor>(size: &Array<T>) -> Array<T> {
    size.ge(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use ad_api::array::{ArrayBackend, ArrayOp};

    use super::*;
    use crate::{Burn, BurnTensor, Precision};

    const ATAN2: ArrayOp = ArrayOp::Binary(Binary::Atan2);

    const POINTS: [f64; 27] = [
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
        0.49,
        -0.51,
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

    /// Up to units in the last place, and the same infinity or NaN.
    fn close(found: f64, expected: f64, precision: Precision, units: f64) -> bool {
        let (tiny, huge) = match precision {
            Precision::F64 => (f64::MIN_POSITIVE, f64::MAX),
            Precision::F32 => (f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX)),
        };
        if expected.is_nan() || found.is_nan() {
            return found.is_nan() && expected.is_nan();
        }
        if expected.abs() > huge {
            return found == expected.signum() * f64::INFINITY;
        }
        (found - expected).abs() <= units * precision.unit() * expected.abs() + tiny
    }

    fn arrays(precision: Precision) -> (Array<BurnTensor>, Array<BurnTensor>, Vec<f64>) {
        let device = Burn::cpu().precision(precision).device().unwrap();
        let a = Array::from_host(&device, [POINTS.len(), 1], &POINTS);
        let n = POINTS.len();
        let b = a.transpose().broadcast_to([n, n]);
        (a.broadcast_to([n, n]), b, a.to_vec().unwrap())
    }

    #[test]
    fn formulas_of_one_number() {
        use Unary::{
            Acos, Acosh, Asin, Asinh, Atanh, Cbrt, Cosh, Exp2, ExpM1, Fract, Ln1p, Log2, Log10,
            Powi, Round, Signum, Sinc, Sinh, Sinhc, Tanh,
        };
        let functions = [
            Acos,
            Acosh,
            Asin,
            Asinh,
            Atanh,
            Cbrt,
            Cosh,
            Exp2,
            ExpM1,
            Fract,
            Ln1p,
            Log2,
            Log10,
            Powi(-3),
            Powi(0),
            Powi(5),
            Round,
            Signum,
            Sinc,
            Sinh,
            Sinhc,
            Tanh,
        ];
        let mut wrong = Vec::new();
        for precision in [Precision::F64, Precision::F32] {
            let (x, _, entries) = arrays(precision);
            let x = x.slice_axis(1, 0..1);
            let mut check = |name: &str, y: Array<BurnTensor>, f: &dyn Fn(f64) -> f64| {
                for (&x, y) in entries.iter().zip(y.to_vec().unwrap()) {
                    if !close(y, f(x), precision, 8.0) {
                        wrong.push(format!("{precision} {name}({x}) = {y}, not {}", f(x)));
                    }
                }
            };
            for function in functions {
                let y = unary(function, &x).expect("a formula");
                check(&format!("{function:?}"), y, &|x| function.eval(x));
            }
            check("erf", erf(&x, &x.erf()), &|x| Unary::Erf.eval(x));
            let a_number = is_nan(&x).select(&x.number(0.0), &x.atan());
            check("atan", atan(&x, &a_number), &f64::atan);
            check("sigmoid", sigmoid(&x), &|x| 1.0 / (1.0 + (-x).exp()));
            check("softplus", softplus(&x), &|x| x.max(0.0) + (-x.abs()).exp().ln_1p());
            check("relu", relu(&x), &|x| if x <= 0.0 { 0.0 } else { x });
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn formulas_of_two_numbers() {
        let functions = [Binary::Hypot, Binary::Rem, Binary::Max, Binary::Min, Binary::Copysign];
        let mut wrong = Vec::new();
        for precision in [Precision::F64, Precision::F32] {
            let (a, b, entries) = arrays(precision);
            let n = entries.len();
            let mut check = |function: Binary, y: Array<BurnTensor>| {
                for (k, y) in y.to_vec().unwrap().into_iter().enumerate() {
                    let (a, b) = (entries[k / n], entries[k % n]);
                    let expected = function.eval(a, b);
                    // Up to the rounding of `a`, and around the corner.
                    let error = (y - expected).abs();
                    let rounded =
                        error.min((error - b.abs()).abs()) <= 8.0 * precision.unit() * a.abs();
                    let beyond = (a / b).abs() > f64::from(f32::MAX) && a.is_finite() && b != 0.0;
                    let right = function == Binary::Rem && (rounded || beyond);
                    if !right && !close(y, expected, precision, 8.0) {
                        wrong.push(format!(
                            "{precision} {function:?}({a}, {b}) = {y}, not {expected}"
                        ));
                    }
                }
            };
            for function in functions {
                check(function, binary(function, &a, &b).expect("a formula"));
            }
            // The device's own power knows nothing but positive numbers.
            let magnitude = (a.abs().ln() * &b).exp();
            let exact = a.abs().pow(&b);
            let finite = a.abs().gt(0.0) * a.abs().lt(f64::INFINITY) * b.abs().lt(f64::INFINITY);
            let wrong_at_zero = a.select(&Array::apply(&ATAN2, &[&a, &b]), &a.number(7.0));
            check(Binary::Atan2, atan2(&a, &b, &wrong_at_zero));
            check(Binary::Powf, powf(&a, &b, &finite.select(&exact, &magnitude)));
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
