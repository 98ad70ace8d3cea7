//! Finite differences over and under other engines.

#![allow(clippy::unwrap_used, reason = "tests, and what they call")]

mod common;
use ad_api::{
    Backend, Differentiate, DifferentiateWith, Engine, Function, Gradient, HigherOrder, Jacobian,
    Prepared, Tangent,
};
use ad_dual::Dual;
use ad_fd::{Fd, FiniteDiff};
use common::{function, relative};
use nalgebra::DMatrix;

function!(Smooth: 3 => 1, |x, y| {
    y[0] = (x[0] * x[1]).sin() + x[2].powi(3) * x[0] + (x[1] - x[2]).exp();
});
function!(Quintic: 1 => 1, |x, y| { y[0] = x[0].powi(5) + x[0].exp(); });

const X: [f64; 3] = [0.7, -1.2, 0.4];

fn assert_hessian<B: Backend>(backend: &B, tolerance: f64) {
    let exact = Dual::default().hessian(&Smooth, &X).unwrap();
    let worst = |found: &DMatrix<f64>| (found - &exact).amax() / exact.amax();
    let mut prepared = backend.prepare(&Smooth, &X).unwrap();
    let error = worst(&prepared.hessian(&X).unwrap());
    println!("{}: hessian {error:.1e}", backend.name());
    assert!(error < tolerance, "{}: hessian {error:e}", backend.name());
    let v = [1.0, -2.0, 0.5];
    let hv = prepared.hvp(&X, &v).unwrap();
    let expected = &exact * nalgebra::dvector![1.0, -2.0, 0.5];
    let error = (&hv - &expected).amax() / expected.amax();
    assert!(error < tolerance, "{}: hvp {error:e}", backend.name());
    let second = backend.second_derivative(&Quintic, 1.1).unwrap();
    let error = relative(second, 20.0 * 1.1f64.powi(3) + 1.1f64.exp());
    println!("{}: second derivative {error:.1e}", backend.name());
    assert!(error < tolerance, "{}: second derivative {error:e}", backend.name());
}

#[test]
fn dual_over_fd_and_fd_over_dual() {
    // First-order accuracy: one of the two derivatives is exact.
    assert_hessian(&HigherOrder::new(Dual::default(), Fd::default()), 1e-11);
    assert_hessian(&HigherOrder::new(Fd::default(), Dual::default()), 1e-11);
    assert_hessian(&HigherOrder::new(Dual::default(), Fd::default().order(4).unwrap()), 1e-10);
    assert_hessian(&HigherOrder::new(Dual::default(), Fd::default().adaptive(false)), 1e-10);
}

#[test]
fn fd_over_fd() {
    // The inner accuracy of 1e-12 to the power 6/7 of the outer stencil, times its margin.
    for (order, tolerance) in [(2, 1e-6), (4, 1e-9), (6, 1e-10), (8, 1e-10)] {
        assert_hessian(&Fd::default().order(order).unwrap(), tolerance);
    }
    assert_hessian(&Fd::default().adaptive(false), 1e-8);
}

#[test]
fn third_derivatives_in_any_mixture() {
    let exact = 60.0 * 1.1f64.powi(2) + 1.1f64.exp();
    let (dual, fd) = (Dual::default(), Fd::default());
    let check = |third: f64, tolerance: f64| {
        let error = relative(third, exact);
        println!("third derivative {error:.1e}");
        assert!(error < tolerance, "{error:e}");
    };
    check(fd.third_derivative(&Quintic, 1.1).unwrap(), 1e-8);
    let pair = HigherOrder::new(dual, HigherOrder::new(fd.clone(), dual));
    check(pair.third_derivative(&Quintic, 1.1).unwrap(), 1e-10);
    let pair = HigherOrder::new(fd.clone(), HigherOrder::new(dual, fd.clone()));
    check(pair.third_derivative(&Quintic, 1.1).unwrap(), 1e-8);
}

#[test]
fn the_precision_of_a_numerical_derivative_is_that_of_its_engine() {
    let fd = Fd::default();
    assert_eq!(Gradient::new(&fd, &Smooth, vec![1.0]).precision(), fd.accuracy().relative());
    assert_eq!(Tangent::new(&fd, &Smooth, vec![1.0; 3]).precision(), fd.accuracy().relative());
}

#[test]
fn a_tangent_that_is_zero_but_for_its_derivative() {
    // d/dt J(x)(t·v) at t = 0 is J v, though the tangent there is zero.
    #[derive(Clone)]
    struct Ray;
    impl Function for Ray {
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: ad_api::Scalar>(&self, t: &[S], y: &mut [S]) -> Result<(), ad_api::Failure> {
            let x = X.map(S::from);
            let v = [t[0], t[0] * -2.0, t[0] * 0.5];
            let mut value = [S::from(0.0)];
            ad_api::Pushforward::pushforward_sweep(&Fd::default(), &Smooth, &x, &v, &mut value, y)?;
            Ok(())
        }
    }
    let expected = Dual::default().pushforward(&Smooth, &X, &[1.0, -2.0, 0.5]).unwrap()[0];
    let found = Dual::default().derivative(&Ray, 0.0).unwrap();
    assert!(relative(found, expected) < 1e-11, "{found} not {expected}");
}

#[test]
fn as_a_rule_inside_another_engine() {
    let inside = DifferentiateWith::new(Fd::default(), Smooth);
    let expected = Dual::default().gradient(&Smooth, &X).unwrap();
    let found = Dual::default().gradient(&inside, &X).unwrap();
    assert!((found - expected).amax() < 1e-11);
}

#[test]
fn finitediff_in_second_order() {
    let (dual, central, forward) = (Dual::default(), FiniteDiff::central(), FiniteDiff::forward());
    assert_hessian(&HigherOrder::new(dual, central), 1e-9);
    assert_hessian(&HigherOrder::new(dual, forward), 1e-6);
    assert_hessian(&HigherOrder::new(central, dual), 1e-9);
    assert_hessian(&HigherOrder::new(forward, dual), 1e-6);
    assert_hessian(&central, 1e-4); // ε^(1/3) of noise over the same step
    // Forward over forward would have no digit: √ε of error over a step of √ε.
    let error = forward.hessian(&Smooth, &X).unwrap_err();
    assert_eq!(
        error.to_string(),
        "backend `finitediff` cannot compute `derivative`: the values of the function are accurate \
         to 3.0e-8 only, and the step is fixed at 1.5e-8; use `fd`, whose steps follow the accuracy"
    );
}

#[test]
fn inner_derivatives_do_not_change_values() {
    // The same columns, whether or not the scalar carries derivatives.
    let (mut y, mut plain) = ([0.0], [0.0; 3]);
    let fd = Fd::default();
    fd.jacobian_sweep(&Smooth, &X, &mut y, &mut plain).unwrap();
    let x = X.map(number);
    let (mut y, mut nested) = ([number(0.0)], [number(0.0); 3]);
    fd.jacobian_sweep(&Smooth, &x, &mut y, &mut nested).unwrap();
    for (plain, nested) in plain.iter().zip(nested) {
        assert_eq!(*plain, ad_api::Scalar::primal(nested));
    }
}

fn number(x: f64) -> ad_dual::DualNumber<f64, 8> {
    ad_dual::DualNumber::new(x, [1.0; 8])
}
