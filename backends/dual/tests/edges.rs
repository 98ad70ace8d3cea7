//! Kinks, empty and huge functions, failures and wrong arguments: each has a defined outcome.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "num-dual")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use ad_api::{
    AdError, Backend, Differentiate, Failure, Function, Prepared, Pullback, Pushforward, Scalar,
};
use ad_dual::{Dual, NumDual};
use nalgebra::DMatrix;

/// `yᵢ = Σⱼ xⱼ²`.
#[derive(Clone)]
struct Squares {
    inputs: usize,
    outputs: usize,
}

impl Function for Squares {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y.fill(x.iter().map(|&x| x * x).sum());
        Ok(())
    }
}

#[test]
fn chunks_out_of_range_are_refused() {
    let message = |error: Result<_, AdError>| error.map(drop).unwrap_err().to_string();
    for chunk in [0, 9] {
        let found = message(Dual::default().chunk(chunk).map(drop));
        assert_eq!(found, format!("setting `chunk` is {chunk}, expected 1 to 8 tangents"));
    }
    let found = message(NumDual::default().chunk(5).map(drop));
    assert_eq!(found, "setting `chunk` is 5, expected 1 to 4 tangents");
}

/// Reads the first and the last of many inputs only.
#[derive(Clone)]
struct Ends(usize);

impl Function for Ends {
    fn inputs(&self) -> usize {
        self.0
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0] * x[self.0 - 1] + x[self.0 / 2].sin();
        Ok(())
    }
}

#[test]
fn a_hundred_thousand_inputs() {
    let n = 100_000;
    let x: Vec<f64> = (0..n).map(f64::from).collect();
    let f = Ends(x.len());
    for gradient in [Dual::default().gradient(&f, &x), NumDual::default().gradient(&f, &x)] {
        let gradient = gradient.unwrap();
        assert_eq!((gradient[0], gradient[x.len() - 1]), (99_999.0, 0.0));
        assert_eq!(gradient[50_000], 50_000_f64.cos());
        assert_eq!(gradient.iter().filter(|d| **d != 0.0).count(), 2);
    }
}

fn empty_functions<B: Backend>(backend: &B) {
    let f = Squares { inputs: 0, outputs: 2 };
    assert_eq!(backend.jacobian(&f, &[]).unwrap().shape(), (2, 0));
    assert_eq!(backend.pushforward(&f, &[], &[]).unwrap().as_slice(), [0.0, 0.0]);
    assert_eq!(backend.value_and_pullback(&f, &[], &[1.0, 2.0]).unwrap().1.len(), 0);
    assert_eq!(backend.value_and_weighted_hessian(&f, &[], &[1.0, 1.0]).unwrap().1.shape(), (0, 0));
    let f = Squares { inputs: 2, outputs: 0 };
    assert_eq!(backend.jacobian(&f, &[1.0, 2.0]).unwrap().shape(), (0, 2));
    assert_eq!(backend.pullback(&f, &[1.0, 2.0], &[]).unwrap().as_slice(), [0.0, 0.0]);
    let (value, hessian) = backend.value_and_weighted_hessian(&f, &[1.0, 2.0], &[]).unwrap();
    assert_eq!((value, hessian), (0.0, DMatrix::zeros(2, 2)));
}

#[test]
fn functions_without_inputs_or_outputs() {
    empty_functions(&Dual::default());
    empty_functions(&NumDual::default());
}

/// Fails above 1 and panics above 2.
#[derive(Clone)]
struct Fragile;

impl Function for Fragile {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        assert!(x[0] < 2.0, "out of its domain");
        if x[0] > 1.0 {
            return Err(Failure::new("too large"));
        }
        y[0] = x[0] * x[0];
        Ok(())
    }
}

fn failures<B: Backend>(backend: &B) {
    let mut prepared = backend.prepare(&Fragile, &[0.0]).unwrap();
    for _ in 0..2 {
        let message = "the function failed: too large";
        assert_eq!(prepared.gradient(&[1.5]).unwrap_err().to_string(), message);
        assert_eq!(prepared.hessian(&[1.5]).unwrap_err().to_string(), message);
        assert_eq!(prepared.second_derivative(1.5).unwrap_err().to_string(), message);
        assert!(catch_unwind(AssertUnwindSafe(|| prepared.gradient(&[3.0]))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| prepared.hessian(&[3.0]))).is_err());
        let result = prepared.value_derivative_and_second_derivative(0.5).unwrap();
        assert_eq!(result, (0.25, 1.0, 2.0));
        assert_eq!(prepared.gradient(&[0.5]).unwrap()[0], 1.0);
    }
    let lengths = prepared.gradient(&[1.0, 2.0]).unwrap_err();
    assert!(matches!(lengths, AdError::Shape { what: "x", found: 2, expected: 1, .. }));
    let f = Squares { inputs: 2, outputs: 1 };
    let arity = backend.second_derivative_into(&f, 0.0, &mut [0.0]).unwrap_err();
    assert!(matches!(arity, AdError::Shape { .. } | AdError::Arity { .. }));
    let weights = backend.weighted_hessian(&f, &[0.0, 0.0], &[1.0, 1.0]).unwrap_err();
    assert!(matches!(weights, AdError::Shape { what: "w", found: 2, expected: 1, .. }));
}

#[test]
fn a_failed_call_leaves_everything_usable() {
    failures(&Dual::default());
    failures(&NumDual::default());
}

/// What does not depend on an input has derivative 0, not NaN, in forward mode too.
#[derive(Clone)]
struct Kinks;

impl Function for Kinks {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        4
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0].sqrt() * x[0];
        y[1] = (S::from(1.0) + (S::from(800.0) - x[1]).exp()).recip();
        y[2] = x[0].sqrt() + x[1];
        y[3] = x[0].abs() * x[1] + x[0].pow(1.5);
        Ok(())
    }
}

#[test]
fn infinite_partials_and_kinks() {
    let expected =
        DMatrix::from_row_slice(4, 2, &[0.0, 0.0, 0.0, 0.0, f64::INFINITY, 1.0, 0.0, 0.0]);
    let x = [0.0, 0.5];
    assert_eq!(Dual::default().jacobian(&Kinks, &x).unwrap(), expected);
    assert_eq!(NumDual::default().jacobian(&Kinks, &x).unwrap(), expected);
    // A weight of zero hides even an infinite derivative.
    let w = [1.0, 1.0, 0.0, 1.0];
    assert_eq!(Dual::default().pullback(&Kinks, &x, &w).unwrap().as_slice(), [0.0, 0.0]);
    assert_eq!(NumDual::default().pullback(&Kinks, &x, &w).unwrap().as_slice(), [0.0, 0.0]);
    let tangents = [0.0, 1.0, 1.0, 0.0];
    let (mut y, mut y_dot) = ([0.0; 4], [0.0; 8]);
    Dual::default().pushforward_sweep(&Kinks, &x, &tangents, &mut y, &mut y_dot).unwrap();
    assert_eq!(y_dot, [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, f64::INFINITY, 0.0]);
    let mut x_bar = [f64::NAN; 2];
    Dual::default().pullback_sweep(&Kinks, &x, &[0.0, 0.0, 0.0, 1.0], &mut y, &mut x_bar).unwrap();
    assert_eq!(x_bar, [0.0, 0.0]);
}
