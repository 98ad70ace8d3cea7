//! Every elementary function against derivatives found by hand, first and second order.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use ad_api::{Differentiate, Failure, Function, HigherOrder, Scalar};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;

/// Name, value in any scalar, first and second derivative, and points.
macro_rules! table {
    ($($name:ident: |$x:ident| $value:expr, $first:expr, $second:expr, [$($point:expr),*];)*) => {
        #[derive(Debug, Clone, Copy)]
        #[allow(non_camel_case_types, reason = "the names of the functions")]
        enum Elementary { $($name),* }

        impl Function for Elementary {
            fn inputs(&self) -> usize { 1 }
            fn outputs(&self) -> usize { 1 }
            fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
                y[0] = match self {
                    $(Elementary::$name => {
                        let $x = x[0];
                        $value
                    })*
                };
                Ok(())
            }
        }

        /// Function, point, first and second derivative.
        fn cases() -> Vec<(Elementary, f64, f64, f64)> {
            let mut cases = Vec::new();
            $(for $x in [$($point as f64),*] {
                cases.push((Elementary::$name, $x, $first, $second));
            })*
            cases
        }
    };
}

table! {
    sin: |x| x.sin(), x.cos(), -x.sin(), [0.0, 1.3, -2.0];
    cos: |x| x.cos(), -x.sin(), -x.cos(), [0.0, 1.3, -2.0];
    tan: |x| x.tan(), 1.0 / x.cos().powi(2), 2.0 * x.tan() / x.cos().powi(2), [0.0, 1.3, -0.7];
    asin: |x| x.asin(), (1.0 - x * x).powf(-0.5), x * (1.0 - x * x).powf(-1.5), [0.0, 0.6, -0.9];
    acos: |x| x.acos(), -(1.0 - x * x).powf(-0.5), -x * (1.0 - x * x).powf(-1.5), [0.0, 0.6, -0.9];
    atan: |x| x.atan(), 1.0 / (1.0 + x * x), -2.0 * x / (1.0 + x * x).powi(2), [0.0, 3.0, -0.9];
    sinh: |x| x.sinh(), x.cosh(), x.sinh(), [0.0, 1.3, -2.0];
    cosh: |x| x.cosh(), x.sinh(), x.cosh(), [0.0, 1.3, -2.0];
    tanh: |x| x.tanh(), 1.0 / x.cosh().powi(2), -2.0 * x.tanh() / x.cosh().powi(2), [0.0, 1.3];
    asinh: |x| x.asinh(), (1.0 + x * x).powf(-0.5), -x * (1.0 + x * x).powf(-1.5), [0.0, 3.0];
    acosh: |x| x.acosh(), (x * x - 1.0).powf(-0.5), -x * (x * x - 1.0).powf(-1.5), [1.5, 3.0];
    atanh: |x| x.atanh(), 1.0 / (1.0 - x * x), 2.0 * x / (1.0 - x * x).powi(2), [0.0, 0.6];
    exp: |x| x.exp(), x.exp(), x.exp(), [0.0, 1.3, -2.0];
    exp2: |x| x.exp2(), x.exp2() * 2f64.ln(), x.exp2() * 2f64.ln().powi(2), [0.0, 1.3];
    exp_m1: |x| x.exp_m1(), x.exp(), x.exp(), [0.0, 1.3];
    ln: |x| x.ln(), 1.0 / x, -1.0 / (x * x), [0.5, 3.0];
    ln_1p: |x| x.ln_1p(), 1.0 / (1.0 + x), -1.0 / (1.0 + x).powi(2), [0.0, 3.0];
    log2: |x| x.log2(), 1.0 / (x * 2f64.ln()), -1.0 / (x * x * 2f64.ln()), [0.5, 3.0];
    log10: |x| x.log10(), 1.0 / (x * 10f64.ln()), -1.0 / (x * x * 10f64.ln()), [0.5, 3.0];
    log: |x| x.log(S::from(3.0)), 1.0 / (x * 3f64.ln()), -1.0 / (x * x * 3f64.ln()), [0.5, 3.0];
    sqrt: |x| x.sqrt(), 0.5 / x.sqrt(), -0.25 * x.powf(-1.5), [0.5, 3.0];
    cbrt: |x| x.cbrt(), x.cbrt() / (3.0 * x), -2.0 * x.cbrt() / (9.0 * x * x), [0.5, -3.0];
    recip: |x| x.recip(), -1.0 / (x * x), 2.0 / x.powi(3), [0.5, -3.0];
    fract: |x| x.fract() * x, x.fract() + x, 2.0, [0.5, 3.25];
    erf: |x| Scalar::erf(x), std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp(),
        -2.0 * x * std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp(), [0.0, 0.7, -2.0];
    abs: |x| x.abs() * x, 2.0 * x.abs(), 2.0 * x.signum(), [0.5, -3.0];
    signum: |x| x.signum() * x * x, 2.0 * x.abs(), 2.0 * x.signum(), [0.5, -3.0];
    floor: |x| x.floor() * x, x.floor(), 0.0, [0.5, 3.2];
    powi: |x| x.powi(5), 5.0 * x.powi(4), 20.0 * x.powi(3), [0.0, 1.3, -2.0];
    powf: |x| x.pow(2.5), 2.5 * x.powf(1.5), 3.75 * x.powf(0.5), [0.0, 1.3];
    power: |x| x.pow(x), x.powf(x) * (1.0 + x.ln()),
        x.powf(x) * ((1.0 + x.ln()).powi(2) + 1.0 / x), [0.5, 1.3];
    negative: |x| -x * x, -2.0 * x, -2.0, [0.0, 1.3];
    quotient: |x| (x + 1.0) / (x * x + 1.0), (1.0 - 2.0 * x - x * x) / (x * x + 1.0).powi(2),
        (2.0 * x.powi(3) + 6.0 * x * x - 6.0 * x - 2.0) / (x * x + 1.0).powi(3), [0.0, 1.3];
    constant_over: |x| S::from(2.0) / x, -2.0 / (x * x), 4.0 / x.powi(3), [0.5, -3.0];
    over_constant: |x| x * x / 4.0 - x / S::from(2.0), 0.5 * x - 0.5, 0.5, [0.5, -3.0];
    from_constant: |x| (S::from(1.0) - x) * (x - 3.0) * 2.0, 8.0 - 4.0 * x, -4.0, [0.5, -3.0];
    twin: |x| (x + x) * (x * x), 6.0 * x * x, 12.0 * x, [0.5, -3.0];
    hypot: |x| x.hypot(S::from(2.0)), x / x.hypot(2.0), 4.0 / x.hypot(2.0).powi(3), [0.0, 1.3];
    atan2: |x| x.atan2(x * x), -1.0 / (1.0 + x * x), 2.0 * x / (1.0 + x * x).powi(2), [0.5, 3.0];
    mul_add: |x| x.mul_add(x, x), 2.0 * x + 1.0, 2.0, [0.5, -3.0];
    remainder: |x| (x * x) % S::from(0.7), 2.0 * x, 2.0, [0.5, 3.0];
    larger: |x| x.maximum(x * x), if x < 1.0 { 1.0 } else { 2.0 * x },
        if x < 1.0 { 0.0 } else { 2.0 }, [0.5, 3.0];
    smaller: |x| x.minimum(x * x), if x < 1.0 { 2.0 * x } else { 1.0 },
        if x < 1.0 { 2.0 } else { 0.0 }, [0.5, 3.0];
    clamped: |x| (x * x).clamp(S::from(0.5), S::from(2.0)), if x == 1.0 { 2.0 } else { 0.0 },
        if x == 1.0 { 2.0 } else { 0.0 }, [0.5, 1.0, 3.0];
    copysign: |x| (x * x).copysign(x), 2.0 * x.abs(), 2.0 * x.signum(), [0.5, -3.0];
    sinc: |x| x.sinc(), if x == 0.0 { 0.0 } else { (x * x.cos() - x.sin()) / (x * x) },
        if x == 0.0 { -1.0 / 3.0 } else {
            ((2.0 - x * x) * x.sin() - 2.0 * x * x.cos()) / x.powi(3)
        }, [0.0, 0.4, 2.0];
    sums: |x| [x, x * x, x].iter().sum::<S>() + [x, x * x].into_iter().product::<S>(),
        2.0 + 2.0 * x + 3.0 * x * x, 2.0 + 6.0 * x, [0.5, -3.0];
    assigned: |x| { let mut y = x; y *= x; y += 1.0; y /= 2.0; y -= x; y }, x - 1.0, 1.0, [0.5];
}

fn close(found: f64, expected: f64) -> bool {
    // A few operations, each right to an ulp; `acosh` near 1 and the series of `sinc` lose most.
    (found - expected).abs() <= 1e-13 * expected.abs().max(1.0)
}

fn check<B: Differentiate>(backend: &B) {
    let mut failures = Vec::new();
    for (f, x, first, second) in cases() {
        let (_, d) = backend.value_and_derivative(&f, x).unwrap();
        let gradient = backend.gradient(&f, &[x]).unwrap()[0];
        let dd = backend.second_derivative(&f, x).unwrap();
        let hessian = backend.hessian(&f, &[x]).unwrap()[(0, 0)];
        let found = [d, gradient, dd, hessian];
        if !found.iter().zip([first, first, second, second]).all(|(&f, e)| close(f, e)) {
            failures.push(format!("{f:?}({x}): {found:?}, expected {first} and {second}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn tape_over_tape() {
    check(&NativeReverse::default());
}

#[test]
fn dual_over_tape() {
    check(&HigherOrder::new(Dual::default(), NativeReverse::default()));
}

#[test]
fn tape_over_dual() {
    check(&HigherOrder::new(NativeReverse::default(), Dual::default()));
}

#[test]
fn values_are_those_of_f64() {
    for (f, x, ..) in cases() {
        let mut y = [0.0];
        f.eval(&[x], &mut y).unwrap();
        let (value, _) = NativeReverse::default().value_and_gradient(&f, &[x]).unwrap();
        assert_eq!(value, y[0], "{f:?}({x})");
    }
}

/// `(|x₀|, hypot(x₀, x₁), √x₀ · 0, max(x₀, x₁), powf(x₀, x₁), x₀ ln x₀ as 0 at 0)` at the origin.
#[derive(Clone)]
struct Kinks;

impl Function for Kinks {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        5
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0].abs();
        y[1] = x[0].hypot(x[1]);
        y[2] = x[0].maximum(x[1]) + x[0].minimum(x[1]) * 10.0;
        // The square root has an infinite partial at 0, its factor is zero or does not depend on x₁.
        y[3] = x[0].sqrt() * 0.0 + x[1];
        y[4] = (x[1] * 0.0).sqrt() + x[1];
        Ok(())
    }
}

#[test]
fn kinks_and_infinite_partials_follow_the_laws_in_both_directions() {
    let backend = NativeReverse::default();
    // Rows: outputs. Zero partials stop infinite adjoints, zero adjoints stop infinite partials.
    let expected = [[0.0, 0.0], [0.0, 0.0], [11.0, 0.0], [0.0, 1.0], [0.0, 1.0]];
    for (i, row) in expected.iter().enumerate() {
        let mut w = [0.0; 5];
        w[i] = 1.0;
        let found = backend.pullback(&Kinks, &[0.0, 0.0], &w).unwrap();
        assert_eq!(found.as_slice(), row, "pullback of output {i}");
    }
    for j in 0..2 {
        let mut v = [0.0; 2];
        v[j] = 1.0;
        let found = backend.pushforward(&Kinks, &[0.0, 0.0], &v).unwrap();
        let column: Vec<f64> = expected.iter().map(|row| row[j]).collect();
        assert_eq!(found.as_slice(), column, "pushforward of input {j}");
    }
    // Several lanes at once.
    let units: Vec<f64> = (0..25).map(|k| if k % 6 == 0 { 1.0 } else { 0.0 }).collect();
    let mut rows = [f64::NAN; 10];
    backend.pullback_into(&Kinks, &[0.0, 0.0], &units, &mut rows).unwrap();
    assert_eq!(rows.as_slice(), expected.as_flattened());
    let jacobian = backend.jacobian(&Kinks, &[0.0, 0.0]).unwrap();
    assert!((0..5).all(|i| (0..2).all(|j| jacobian[(i, j)] == expected[i][j])), "{jacobian}");
}
