//! First and second derivatives of every elementary function against formulas written by hand.
#![cfg(feature = "num-dual")]

use ad_api::{Lift, Scalar};
use ad_dual::{DualNumber, HyperNumber, NumDualNumber};

/// A number that carries a second derivative, however it is nested.
trait SecondOrder: Scalar {
    fn variable(x: f64) -> Self;
    fn parts(self) -> [f64; 3];
}

type DualOverDual = DualNumber<DualNumber<f64, 1>, 1>;
type DualOverNumDual = DualNumber<NumDualNumber<f64, 2>, 3>;
type NumDualOverDual = NumDualNumber<DualNumber<f64, 4>, 2>;
type Hyper = HyperNumber<f64, 2, 3>;

/// The first tangent of num-dual's number.
fn tangent<S: Scalar, const N: usize>(x: NumDualNumber<S, N>) -> S {
    x.0.eps.0.map_or(S::from(0.0), |eps| eps[0].0)
}

/// num-dual's number with a first tangent.
fn variable<S: Scalar, const N: usize>(x: S) -> NumDualNumber<S, N> {
    let mut x = NumDualNumber::constant(x);
    x.0 = x.0.derivative(0);
    x
}

impl SecondOrder for DualOverDual {
    fn variable(x: f64) -> Self {
        DualNumber::new(DualNumber::new(x, [1.0]), [1.0.into()])
    }
    fn parts(self) -> [f64; 3] {
        [self.re.re, self.re.eps[0], self.eps[0].eps[0]]
    }
}

impl SecondOrder for DualOverNumDual {
    fn variable(x: f64) -> Self {
        DualNumber::new(variable(x), [0.0.into(), 1.0.into(), 0.0.into()])
    }
    fn parts(self) -> [f64; 3] {
        [self.re.inner(), tangent(self.re), tangent(self.eps[1])]
    }
}

impl SecondOrder for NumDualOverDual {
    fn variable(x: f64) -> Self {
        variable(DualNumber::new(x, [0.0, 0.0, 1.0, 0.0]))
    }
    fn parts(self) -> [f64; 3] {
        [self.inner().re, self.inner().eps[2], tangent(self).eps[2]]
    }
}

impl SecondOrder for Hyper {
    fn variable(x: f64) -> Self {
        let mut x = HyperNumber::constant(variable(x));
        x.0 = x.0.derivative2(1);
        x
    }
    fn parts(self) -> [f64; 3] {
        let second = self.0.eps1eps2.0.map_or(0.0, |eps| eps[(0, 1)].0);
        [self.inner().inner(), tangent(self.inner()), second]
    }
}

fn check(name: &str, kind: &str, x: f64, found: [f64; 3], expected: [f64; 3]) {
    for (order, (found, expected)) in found.into_iter().zip(expected).enumerate() {
        // A few roundings of the parts, which may cancel.
        let tolerance = 1e-13 * expected.abs().max(1.0);
        assert!(
            (found - expected).abs() <= tolerance,
            "{name} at {x}, derivative {order} by {kind}: {found}, expected {expected}"
        );
    }
}

/// One test for each `name: |x| f(x), first derivative, second derivative; points`.
macro_rules! derivatives {
    ($($name:ident: |$x:ident| $f:expr, $first:expr, $second:expr; $($at:expr),+;)*) => {$(
        #[test]
        fn $name() {
            fn function<S: Scalar>($x: S) -> S { $f }
            for $x in [$($at),+] {
                let expected = [function::<f64>($x), $first, $second];
                let name = stringify!($name);
                check(name, "dual over dual", $x, function(DualOverDual::variable($x)).parts(), expected);
                check(name, "dual over num-dual", $x, function(DualOverNumDual::variable($x)).parts(), expected);
                check(name, "num-dual over dual", $x, function(NumDualOverDual::variable($x)).parts(), expected);
                check(name, "hyper-dual", $x, function(Hyper::variable($x)).parts(), expected);
            }
        }
    )*};
}

derivatives! {
    sine: |x| x.sin(), x.cos(), -x.sin(); -2.0, 0.0, 0.7;
    cosine: |x| x.cos(), -x.sin(), -x.cos(); -2.0, 0.0, 0.7;
    both: |x| { let (s, c) = x.sin_cos(); s * c }, (2.0 * x).cos(), -2.0 * (2.0 * x).sin(); -2.0, 0.0, 0.7;
    tangent_: |x| x.tan(), 1.0 / x.cos().powi(2), 2.0 * x.sin() / x.cos().powi(3); -1.0, 0.0, 0.7;
    arc_sine: |x| x.asin(), (1.0 - x * x).powf(-0.5), x * (1.0 - x * x).powf(-1.5); -0.6, 0.0, 0.7;
    arc_cosine: |x| x.acos(), -(1.0 - x * x).powf(-0.5), -x * (1.0 - x * x).powf(-1.5); -0.6, 0.0, 0.7;
    arc_tangent: |x| x.atan(), 1.0 / (1.0 + x * x), -2.0 * x / (1.0 + x * x).powi(2); -3.0, 0.0, 0.7;
    hyperbolic_sine: |x| x.sinh(), x.cosh(), x.sinh(); -2.0, 0.0, 0.7;
    hyperbolic_cosine: |x| x.cosh(), x.sinh(), x.cosh(); -2.0, 0.0, 0.7;
    hyperbolic_tangent: |x| x.tanh(), x.cosh().powi(-2), -2.0 * x.tanh() * x.cosh().powi(-2); -2.0, 0.0, 0.7;
    area_sine: |x| x.asinh(), (1.0 + x * x).powf(-0.5), -x * (1.0 + x * x).powf(-1.5); -2.0, 0.0, 0.7;
    area_cosine: |x| x.acosh(), (x * x - 1.0).powf(-0.5), -x * (x * x - 1.0).powf(-1.5); 1.5, 3.0;
    area_tangent: |x| x.atanh(), 1.0 / (1.0 - x * x), 2.0 * x / (1.0 - x * x).powi(2); -0.6, 0.0, 0.7;
    exponential: |x| x.exp(), x.exp(), x.exp(); -2.0, 0.0, 0.7;
    exponential_2: |x| x.exp2(), std::f64::consts::LN_2 * x.exp2(), std::f64::consts::LN_2.powi(2) * x.exp2(); -2.0, 0.0, 0.7;
    exponential_m1: |x| x.exp_m1(), x.exp(), x.exp(); -2.0, 0.0, 1e-9;
    logarithm: |x| x.ln(), 1.0 / x, -1.0 / (x * x); 0.3, 1.0, 4.0;
    logarithm_1p: |x| x.ln_1p(), 1.0 / (1.0 + x), -(1.0 + x).powi(-2); -0.5, 1e-9, 4.0;
    logarithm_2: |x| x.log2(), 1.0 / (x * 2_f64.ln()), -1.0 / (x * x * 2_f64.ln()); 0.3, 1.0, 4.0;
    logarithm_10: |x| x.log10(), 1.0 / (x * 10_f64.ln()), -1.0 / (x * x * 10_f64.ln()); 0.3, 1.0, 4.0;
    logarithm_base: |x| x.log(S::from(3.0)), 1.0 / (x * 3_f64.ln()), -1.0 / (x * x * 3_f64.ln()); 0.3, 1.0, 4.0;
    square_root: |x| x.sqrt(), 0.5 * x.powf(-0.5), -0.25 * x.powf(-1.5); 0.3, 1.0, 4.0;
    cube_root: |x| x.cbrt(), x.abs().powf(-2.0 / 3.0) / 3.0, -2.0 / 9.0 * x.signum() * x.abs().powf(-5.0 / 3.0); -2.0, 0.3, 8.0;
    reciprocal: |x| x.recip(), -1.0 / (x * x), 2.0 / (x * x * x); -2.0, 0.3, 8.0;
    error_function: |x| x.erf(), std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp(), -2.0 * x * std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp(); -2.0, 0.0, 0.7;
    absolute_value: |x| x.abs(), x.signum(), 0.0; -2.0, 0.7;
    fraction: |x| x.fract(), 1.0, 0.0; -2.3, 0.7;
    integer_power: |x| x.powi(5), 5.0 * x.powi(4), 20.0 * x.powi(3); -2.0, 0.0, 0.7;
    square: |x| x.powi(2), 2.0 * x, 2.0; -2.0, 0.0, 0.7;
    negative_power: |x| x.powi(-3), -3.0 * x.powi(-4), 12.0 * x.powi(-5); -2.0, 0.7;
    zeroth_power: |x| x.powi(0), 0.0, 0.0; -2.0, 0.0, 0.7;
    real_power: |x| x.pow(2.5), 2.5 * x.powf(1.5), 3.75 * x.sqrt(); 0.0, 0.7, 4.0;
    real_power_of_negative: |x| x.pow(2.0), 2.0 * x, 2.0; -2.0, 0.0;
    exponent: |x| S::from(2.5).powf(x), 2.5_f64.ln() * 2.5_f64.powf(x), 2.5_f64.ln().powi(2) * 2.5_f64.powf(x); -2.0, 0.0, 0.7;
    self_power: |x| x.powf(x), x.powf(x) * (1.0 + x.ln()), x.powf(x) * ((1.0 + x.ln()).powi(2) + 1.0 / x); 0.3, 1.0, 2.0;
    angle_numerator: |x| x.atan2(S::from(2.0)), 2.0 / (4.0 + x * x), -4.0 * x / (4.0 + x * x).powi(2); -3.0, 0.0, 0.7;
    angle_denominator: |x| S::from(2.0).atan2(x), -2.0 / (4.0 + x * x), 4.0 * x / (4.0 + x * x).powi(2); -3.0, 0.0, 0.7;
    hypotenuse: |x| x.hypot(S::from(2.0)), x / x.hypot(2.0), 4.0 / x.hypot(2.0).powi(3); -3.0, 0.0, 0.7;
    cardinal_sine: |x| x.sinc(), (x * x.cos() - x.sin()) / (x * x), ((2.0 - x * x) * x.sin() - 2.0 * x * x.cos()) / (x * x * x); -3.0, 0.3, 0.7;
    sum_and_difference: |x| (x + 1.0) - (S::from(2.0) - x - x) + x, 4.0, 0.0; -3.0, 0.0;
    product: |x| x * (x + 1.0) * (x * 2.0), 6.0 * x * x + 4.0 * x, 12.0 * x + 4.0; -3.0, 0.0, -1.0;
    quotient: |x| (x + 1.0) / (x * x + 1.0), (1.0 - 2.0 * x - x * x) / (x * x + 1.0).powi(2), 2.0 * (x * x * x + 3.0 * x * x - 3.0 * x - 1.0) / (x * x + 1.0).powi(3); -3.0, -1.0, 0.0;
    constant_quotient: |x| x * x / 4.0, x / 2.0, 0.5; -3.0, 0.0;
    fused: |x| x.mul_add(x, x), 2.0 * x + 1.0, 2.0; -3.0, 0.0;
    remainder: |x| (x * x) % S::from(3.0), 2.0 * x, 2.0; -2.0, 0.7;
    assigned: |x| { let mut y = x; y *= x; y += x; y -= 1.0; y /= x; y }, 1.0 + 1.0 / (x * x), -2.0 / (x * x * x); -2.0, 0.7;
    sums: |x| [x, x * x, x].iter().sum::<S>() + [x, x].into_iter().product::<S>(), 2.0 + 4.0 * x, 4.0; -2.0, 0.0;
    larger: |x| x.maximum(x * x), if x > 0.0 && x < 1.0 { 1.0 } else { 2.0 * x }, if x > 0.0 && x < 1.0 { 0.0 } else { 2.0 }; -2.0, 0.7, 3.0;
    smaller: |x| x.minimum(x * x), if x > 0.0 && x < 1.0 { 2.0 * x } else { 1.0 }, if x > 0.0 && x < 1.0 { 2.0 } else { 0.0 }; -2.0, 0.7, 3.0;
    clamped: |x| (x * x).clamp(S::from(1.0), S::from(4.0)), if x.abs() > 2.0 || x.abs() < 1.0 { 0.0 } else { 2.0 * x }, if x.abs() > 2.0 || x.abs() < 1.0 { 0.0 } else { 2.0 }; -3.0, 0.5, 1.5, 1.0, 2.0;
    signed: |x| (x * x).copysign(-x), -2.0 * x * x.signum(), -2.0 * x.signum(); -3.0, 0.5;
    ties: |x| x.maximum(-x) + x.minimum(x * 3.0), 2.0, 0.0; 0.0;
    origin: |x| x.hypot(x * 2.0) + x.abs(), 0.0, 0.0; 0.0;
    steps: |x| x.floor() + x.ceil() + x.round() + x.trunc() + x.signum(), 0.0, 0.0; -2.3, 0.7;
}
