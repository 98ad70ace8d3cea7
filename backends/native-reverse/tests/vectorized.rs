//! The vectorized elementary functions of programs, against values computed with twice the digits.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use ad_api::{Backend, Failure, Function, Map, Prepared, Scalar, Unary};
use ad_native_reverse::NativeReverse;

/// One elementary function.
#[derive(Debug, Clone)]
struct Elementary(Unary);

impl Function for Elementary {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = self.0.eval(x[0]);
        Ok(())
    }
}

/// `high + low`, with about 106 bits (T. J. Dekker, *Numer. Math.* 18, 1971).
#[derive(Debug, Clone, Copy)]
struct Double {
    high: f64,
    low: f64,
}

impl Double {
    fn new(high: f64, low: f64) -> Self {
        let sum = high + low;
        Double { high: sum, low: low - (sum - high) }
    }

    fn sum(a: f64, b: f64) -> Self {
        let sum = a + b;
        let part = sum - a;
        Double { high: sum, low: (a - (sum - part)) + (b - part) }
    }

    fn plus(self, rhs: Self) -> Self {
        let Double { high, low } = Self::sum(self.high, rhs.high);
        Self::new(high, low + self.low + rhs.low)
    }

    fn times(self, rhs: Self) -> Self {
        let high = self.high * rhs.high;
        let low = self.high.mul_add(rhs.high, -high);
        Self::new(high, low + self.high * rhs.low + self.low * rhs.high)
    }

    fn over(self, rhs: Self) -> Self {
        let q = self.high / rhs.high;
        let rest = self.plus(rhs.times(Self::new(-q, 0.0)));
        let next = rest.high / rhs.high;
        let rest = rest.plus(rhs.times(Self::new(-next, 0.0)));
        Self::sum(q, next).plus(Self::new(rest.high / rhs.high, 0.0))
    }

    fn negative(self) -> Self {
        Double { high: -self.high, low: -self.low }
    }
}

fn number(x: f64) -> Double {
    Double { high: x, low: 0.0 }
}

/// `ln 2` to 106 bits, and `π/2` to 159.
const LN_2: Double = Double { high: std::f64::consts::LN_2, low: 2.319_046_813_846_299_6e-17 };
const PI_2: [f64; 3] =
    [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33];

/// `Σ x^k / k!` over `k = first, first + step, ...`, with alternating signs if `sign` is -1.
fn series(x: Double, (first, step): (u32, u32), sign: f64) -> Double {
    let mut term = number(1.0);
    for k in 1..=first {
        term = term.times(x).over(number(f64::from(k)));
    }
    let (mut sum, mut k) = (term, first);
    while term.high.abs() > 1e-40 {
        for _ in 0..step {
            k += 1;
            term = term.times(x).over(number(f64::from(k)));
        }
        term = term.times(number(sign));
        sum = sum.plus(term);
    }
    sum
}

fn exp_m1(x: Double) -> Double {
    let k = (x.high / LN_2.high).round();
    let r = x.plus(LN_2.times(number(-k)));
    let rest = series(r, (1, 1), 1.0);
    // In two steps, since 2^1024 is no number.
    let half = number(((k / 2.0).floor()).exp2());
    let other = number((k - (k / 2.0).floor()).exp2());
    let scaled = rest.times(half).times(other);
    if k == 0.0 { rest } else { scaled.plus(number((k).exp2())).plus(number(-1.0)) }
}

fn exp(x: Double) -> Double {
    let k = (x.high / LN_2.high).round();
    let r = x.plus(LN_2.times(number(-k)));
    let half = (k / 2.0).floor();
    series(r, (0, 1), 1.0).times(number(half.exp2())).times(number((k - half).exp2()))
}

/// Newton's method on the exponential.
fn ln(x: Double) -> Double {
    let start = number(x.high.ln());
    let ratio = x.times(exp(start.negative()));
    start.plus(ratio.plus(number(-1.0)).over(ratio.plus(number(1.0))).times(number(2.0)))
}

fn sin_cos(x: f64) -> (Double, Double) {
    let k = (x / PI_2[0]).round();
    let mut r = number(x);
    for part in PI_2 {
        let product = k * part;
        let exact = Double { high: -product, low: -k.mul_add(part, -product) };
        r = r.plus(exact);
    }
    let (sin, cos) = (series(r, (1, 2), -1.0), series(r, (0, 2), -1.0));
    match k.rem_euclid(4.0) {
        0.0 => (sin, cos),
        1.0 => (cos, sin.negative()),
        2.0 => (sin.negative(), cos.negative()),
        _ => (cos.negative(), sin),
    }
}

/// The correctly rounded value, but for a case in 2⁵⁰.
fn exact(function: Unary, x: f64) -> f64 {
    let value = match function {
        Unary::Exp => exp(number(x)),
        Unary::ExpM1 => exp_m1(number(x)),
        Unary::Ln => ln(number(x)),
        Unary::Ln1p => ln(Double::sum(1.0, x)),
        Unary::Sin => sin_cos(x).0,
        Unary::Cos => sin_cos(x).1,
        _ => {
            let e = exp_m1(number(2.0 * x));
            e.over(e.plus(number(2.0)))
        }
    };
    value.high + value.low
}

fn values(function: Unary, x: &[f64]) -> Vec<f64> {
    let map = Map::windows(Elementary(function), x.len(), 1).unwrap();
    let mut prepared = NativeReverse::default().prepare(&map, x).unwrap();
    prepared.value(x).unwrap().as_slice().to_vec()
}

/// How many numbers lie between, and one.
fn apart(a: f64, b: f64) -> u64 {
    let place = |x: f64| {
        let bits = x.to_bits().cast_signed();
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    place(a).abs_diff(place(b))
}

#[track_caller]
fn check(function: Unary, x: &[f64], allowed: u64) {
    for (&x, found) in x.iter().zip(values(function, x)) {
        let expected = exact(function, x);
        let distance = apart(found, expected);
        assert!(distance <= allowed, "{function:?} of {x:e}: {found:e}, exactly {expected:e}");
    }
}

/// So many numbers from `low` to `high`, not quite evenly.
fn between(low: f64, high: f64, count: u32) -> Vec<f64> {
    let golden = 0.618_033_988_749_894_9;
    (0..count).map(|k| low + (high - low) * (f64::from(k) * golden).fract()).collect()
}

#[test]
fn at_most_one_unit_in_the_last_place() {
    type Ranges<'a> = &'a [(f64, f64)];
    let ranges: [(Unary, Ranges, u64); 7] = [
        (Unary::Exp, &[(-1.0, 1.0), (-20.0, 20.0), (-708.0, 709.0)], 1),
        (Unary::ExpM1, &[(-1.0, 1.0), (-1e-5, 1e-5), (-40.0, 60.0), (-700.0, 700.0)], 1),
        (Unary::Ln, &[(0.5, 2.0), (0.99, 1.01), (1e-6, 100.0), (1e-300, 1e300)], 1),
        (Unary::Ln1p, &[(-0.9, 1.0), (-1e-5, 1e-5), (0.0, 1e6)], 1),
        (Unary::Sin, &[(-1.0, 1.0), (-10.0, 10.0), (-1e5, 1e5)], 1),
        (Unary::Cos, &[(-1.0, 1.0), (-10.0, 10.0), (-1e5, 1e5)], 1),
        (Unary::Tanh, &[(-0.3, 0.3), (-1e-5, 1e-5), (-3.0, 3.0), (-19.0, 19.0)], 2),
    ];
    for (function, ranges, allowed) in ranges {
        for &(low, high) in ranges {
            check(function, &between(low, high, 4_000), allowed);
        }
    }
}

#[test]
fn next_to_multiples_of_a_quarter_circle() {
    // The numbers next to each of them, where most of the argument cancels.
    let x: Vec<f64> = (1..=63_662)
        .step_by(11)
        .map(|k| f64::from(k) * PI_2[0])
        .flat_map(|x| [x.next_down(), x, x.next_up()])
        .collect();
    check(Unary::Sin, &x, 1);
    check(Unary::Cos, &x, 1);
}

#[test]
fn elsewhere_they_are_those_of_f64() {
    let special = [
        0.0,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        f64::MIN_POSITIVE / 8.0,
        -5e-324,
        f64::MAX,
        f64::MIN,
        -1.0,
        -0.999_999_999,
        708.5,
        -708.5,
        709.9,
        -745.5,
        1e5,
        1.1e5,
        -1e22,
        1e300,
    ];
    // Among others, and more than a block of them.
    let x: Vec<f64> = special.iter().flat_map(|&x| [x, 0.5, x, 1.5, x]).collect();
    let functions =
        [Unary::Exp, Unary::ExpM1, Unary::Ln, Unary::Ln1p, Unary::Sin, Unary::Cos, Unary::Tanh];
    for function in functions {
        for (&x, found) in x.iter().zip(values(function, &x)) {
            let expected = function.eval(x);
            let same = if expected.is_finite() && expected != 0.0 && x.is_normal() {
                apart(found, expected) <= 2
            } else {
                found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan())
            };
            assert!(same, "{function:?} of {x:e}: {found:e}, that of `f64` {expected:e}");
        }
    }
}
