//! What num-dual gets wrong is still wrong there, and right behind the adapter.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "num-dual")]

use std::panic::catch_unwind;

use ad_api::{Differentiate, Failure, Function, Scalar};
use ad_dual::{Bridge, Dual, DualNumber, HyperNumber, NumDual, NumDualNumber};
use nalgebra::ComplexField;
use num_dual::{Dual64, DualNum, DualSVec64};

/// `(value, derivative)` by num-dual itself.
fn theirs(f: impl Fn(Dual64) -> Dual64, x: f64) -> (f64, f64) {
    let y = f(Dual64::new(x, 1.0));
    (y.re, y.eps)
}

/// Makes a `Function` of one variable and gives its `(value, derivative)` by both backends and by
/// hyper-dual numbers, which must agree, NaN counted as equal to nothing.
macro_rules! ours {
    (|$x:ident| $body:expr, $at:expr) => {{
        #[derive(Clone)]
        struct Expression;
        impl Function for Expression {
            fn inputs(&self) -> usize {
                1
            }
            fn outputs(&self) -> usize {
                1
            }
            fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
                let $x = x[0];
                y[0] = $body;
                Ok(())
            }
        }
        let dual = Dual::default().value_and_derivative(&Expression, $at).unwrap();
        let num_dual = NumDual::default().value_and_derivative(&Expression, $at).unwrap();
        let (value, derivative, _) =
            NumDual::default().value_derivative_and_second_derivative(&Expression, $at).unwrap();
        assert_eq!(dual, num_dual);
        assert_eq!(dual, (value, derivative));
        dual
    }};
}

#[test]
fn tanh_of_a_large_argument() {
    assert!(theirs(|x| DualNum::tanh(&x), 800.0).0.is_nan());
    assert!(theirs(|x| DualNum::tanh(&x), 400.0).1.is_nan());
    assert_eq!(ours!(|x| x.tanh(), 800.0), (1.0, 0.0));
    assert_eq!(ours!(|x| x.tanh(), 400.0), (1.0, 0.0));
}

#[test]
fn real_power_of_zero() {
    assert!(theirs(|x| DualNum::powf(&x, 1.5), 0.0).0.is_nan());
    assert!(theirs(|x| DualNum::powf(&x, 2.5), 0.0).0.is_nan());
    assert_eq!(ours!(|x| x.pow(1.5), 0.0), (0.0, 0.0));
    assert_eq!(ours!(|x| x.pow(2.5), 0.0), (0.0, 0.0));
}

#[test]
fn negative_integer_power_of_zero() {
    assert!(theirs(|x| DualNum::powi(&x, -1), 0.0).0.is_nan());
    assert_eq!(ours!(|x| x.powi(-1), 0.0), (f64::INFINITY, f64::NEG_INFINITY));
}

#[test]
fn dual_power_of_a_negative_number() {
    assert!(theirs(|x| x.powd(Dual64::from(2.0)), -2.0).0.is_nan());
    assert!(theirs(|x| x.powd(Dual64::from(2.0)), 0.0).1.is_nan());
    assert_eq!(ours!(|x| x.powf(S::from(2.0)), -2.0), (4.0, -4.0));
    assert_eq!(ours!(|x| x.powf(S::from(2.0)), 0.0), (0.0, 0.0));
    assert_eq!(ours!(|x| Bridge(x).powd(Bridge::from(2.0)).0, -2.0), (4.0, -4.0));
}

#[test]
fn square_root_at_zero() {
    assert!(theirs(|x| DualNum::sqrt(&x), 0.0).1.is_nan());
    assert_eq!(ours!(|x| x.sqrt(), 0.0), (0.0, f64::INFINITY));
}

#[test]
fn angle_of_a_point_on_the_axis() {
    assert!(theirs(|y| DualNum::atan2(&y, Dual64::from(0.0)), 1.0).1.is_nan());
    assert_eq!(ours!(|y| y.atan2(S::from(0.0)), 1.0), (std::f64::consts::FRAC_PI_2, 0.0));
}

#[test]
fn absolute_value_at_zero() {
    assert_eq!(theirs(|x| num_traits::Signed::abs(&x), 0.0).1, 1.0);
    assert_eq!(theirs(|x| num_traits::Signed::abs(&x), -0.0).1, -1.0);
    assert_eq!(ours!(|x| x.abs(), 0.0), (0.0, 0.0));
    assert_eq!(ours!(|x| x.abs(), -0.0), (0.0, 0.0));
}

#[test]
fn remainder_and_rounding() {
    let x = || DualSVec64::<1>::from_re(7.5).derivative(0);
    assert!(catch_unwind(|| Dual64::new(7.5, 1.0) % Dual64::from(2.0)).is_err());
    assert!(catch_unwind(|| ComplexField::floor(x())).is_err());
    assert!(catch_unwind(|| ComplexField::fract(x())).is_err());
    assert_eq!(ours!(|x| x % S::from(2.0), 7.5), (1.5, 1.0));
    assert_eq!(ours!(|x| x.floor(), 7.5), (7.0, 0.0));
    assert_eq!(ours!(|x| x.ceil(), 7.5), (8.0, 0.0));
    assert_eq!(ours!(|x| x.round(), 7.25), (7.0, 0.0));
    assert_eq!(ours!(|x| x.trunc(), 7.5), (7.0, 0.0));
    assert_eq!(ours!(|x| x.fract(), 7.5), (0.5, 1.0));
}

#[test]
fn infinite_partial_of_what_does_not_vary() {
    // num-dual multiplies the infinite partial with the zero tangent.
    let theirs = DualNum::sqrt(&Dual64::new(0.0, 0.0)).eps;
    assert!(theirs.is_nan());
    assert_eq!(ours!(|x| (x * 0.0).sqrt(), 3.0), (0.0, 0.0));
    assert_eq!(ours!(|x| x.sqrt() * x, 0.0), (0.0, 0.0));
    assert_eq!(
        ours!(|x| S::from(1.0) / (S::from(1.0) + (S::from(800.0) - x).exp()), 0.0),
        (0.0, 0.0)
    );
}

#[test]
fn values_are_those_of_the_plain_function() {
    // num-dual computes a quotient as `a · (1/b)`.
    assert_ne!((Dual64::new(5.0, 0.0) / Dual64::from(49.0)).re, 5.0 / 49.0);
    let quotient = NumDualNumber::<f64, 2>::from(5.0) / NumDualNumber::from(49.0);
    assert_eq!(quotient, 5.0 / 49.0);
    assert_eq!(HyperNumber::<f64, 2, 2>::from(5.0) / HyperNumber::from(49.0), 5.0 / 49.0);
    assert_eq!(DualNumber::<f64, 2>::from(5.0) / DualNumber::from(49.0), 5.0 / 49.0);
}
