//! Tapes over tapes, duals over tapes, tapes over duals.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use ad_api::{
    Backend, Differentiate, DifferentiateWith, Failure, Function, Hessian, HigherOrder,
    LinearOperator, Operation, Prepared, Scalar, SecondDerivative, Shape,
};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;
use nalgebra::{DMatrix, DVector, dmatrix, dvector};

/// `f(x, y, z) = (x² y + sin(x z), exp(y) / z)`.
#[derive(Clone)]
struct Model;

impl Function for Model {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        2
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0] * x[0] * x[1] + (x[0] * x[2]).sin();
        y[1] = x[1].exp() / x[2];
        Ok(())
    }
}

const X: [f64; 3] = [1.5, -0.4, 0.8];
const W: [f64; 2] = [2.0, -3.0];

fn jacobian() -> DMatrix<f64> {
    let [x, y, z] = X;
    let c = (x * z).cos();
    dmatrix![
        2.0 * x * y + z * c, x * x, x * c;
        0.0, y.exp() / z, -y.exp() / (z * z)
    ]
}

/// The Hessian of `W·f`.
fn hessian() -> DMatrix<f64> {
    let [x, y, z] = X;
    let (s, c, e) = ((x * z).sin(), (x * z).cos(), y.exp());
    let first = dmatrix![
        2.0 * y - z * z * s, 2.0 * x, c - x * z * s;
        2.0 * x, 0.0, 0.0;
        c - x * z * s, 0.0, -x * x * s
    ];
    let second = dmatrix![
        0.0, 0.0, 0.0;
        0.0, e / z, -e / (z * z);
        0.0, -e / (z * z), 2.0 * e / (z * z * z)
    ];
    first * W[0] + second * W[1]
}

fn assert_close(found: &DMatrix<f64>, expected: &DMatrix<f64>) {
    assert!((found - expected).amax() < 1e-13, "{found}{expected}");
}

fn check<B: Backend>(backend: &B) {
    let mut prepared = backend.prepare(&Model, &[0.0, 0.0, 1.0]).unwrap();
    for _ in 0..2 {
        assert_close(&prepared.jacobian(&X).unwrap(), &jacobian());
        let v = dvector![0.3, -1.0, 2.0];
        let tangent = prepared.pushforward(&X, v.as_slice()).unwrap();
        assert!((tangent - jacobian() * &v).amax() < 1e-13);
        let w = DVector::from_column_slice(&W);
        let cotangent = prepared.pullback(&X, &W).unwrap();
        assert!((cotangent - jacobian().transpose() * w).amax() < 1e-13);
        assert_close(&prepared.weighted_hessian(&X, &W).unwrap(), &hessian());
        let (mut gradient, mut hv) = ([f64::NAN; 3], [f64::NAN; 3]);
        let value = prepared
            .value_gradient_and_weighted_hvp_into(&X, &W, v.as_slice(), &mut gradient, &mut hv)
            .unwrap();
        let y = prepared.value(&X).unwrap();
        assert!((value - (W[0] * y[0] + W[1] * y[1])).abs() < 1e-14);
        assert!((DVector::from_column_slice(&hv) - hessian() * &v).amax() < 1e-13);
    }
    let (_, operator) = backend.linearize(&Model, &X).unwrap();
    assert_close(&operator.materialize().unwrap(), &jacobian());
}

#[test]
fn every_pair_gives_the_same_second_order() {
    let (tape, dual) = (NativeReverse::default(), Dual::default());
    check(&tape);
    check(&HigherOrder::new(tape, tape));
    check(&HigherOrder::new(dual, tape));
    check(&HigherOrder::new(tape, dual));
}

/// `x⁴ exp(2x)`, one variable.
#[derive(Clone)]
struct Wave;

impl Function for Wave {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0].powi(4) * (x[0] * 2.0).exp();
        Ok(())
    }
}

#[test]
fn third_and_fourth_derivatives() {
    let x: f64 = 0.7;
    // (x⁴ e²ˣ)''' = e²ˣ (8x⁴ + 48x³ + 72x² + 24x), and one more.
    let e = (2.0 * x).exp();
    let third = e * (8.0 * x.powi(4) + 48.0 * x.powi(3) + 72.0 * x * x + 24.0 * x);
    let fourth = e * (16.0 * x.powi(4) + 128.0 * x.powi(3) + 288.0 * x * x + 192.0 * x + 24.0);
    let (tape, dual) = (NativeReverse::default(), Dual::default());
    let close = |found: f64, expected: f64| (found - expected).abs() < 1e-12 * expected.abs();
    assert!(close(tape.third_derivative(&Wave, x).unwrap(), third));
    let mixed = HigherOrder::new(tape, HigherOrder::new(dual, tape));
    assert!(close(mixed.third_derivative(&Wave, x).unwrap(), third));
    let second = SecondDerivative::new(&tape, &Wave);
    assert!(close(tape.second_derivative(&second, x).unwrap(), fourth));
}

#[test]
fn third_derivative_tensor_is_symmetric() {
    let tape = NativeReverse::default();
    let tensor = tape.jacobian(&Hessian::new(&tape, &Model, W.to_vec()), &X).unwrap();
    let at = |i: usize, j: usize, k: usize| tensor[(i + 3 * j, k)];
    for (i, j, k) in [(0, 1, 2), (0, 0, 1), (0, 2, 2), (1, 2, 2), (0, 0, 2)] {
        for other in [at(i, k, j), at(j, i, k), at(j, k, i), at(k, i, j), at(k, j, i)] {
            assert!((other - at(i, j, k)).abs() < 1e-12);
        }
    }
    // ∂³/∂x²∂y of x² y is 2, weighted by 2.
    assert!((at(0, 0, 1) - 4.0).abs() < 1e-12);
}

/// Mixes a derivative of its own into its value: `y = f'(x) x` with `f` differentiated inside.
#[derive(Clone)]
struct Inside;

impl Function for Inside {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        use ad_api::Pullback;
        let (mut value, mut slope) = ([S::from(0.0)], [S::from(0.0)]);
        let one = [S::from(1.0)];
        NativeReverse::default().pullback_sweep(&Wave, x, &one, &mut value, &mut slope)?;
        // A preparation in plain f64 too, in the middle of this recording.
        let plain = NativeReverse::default().gradient(&Wave, &[0.5])?[0];
        y[0] = slope[0] * x[0] * plain;
        Ok(())
    }
}

#[test]
fn derivatives_inside_a_function() {
    let (x, d): (f64, _) = (0.7, |x: f64| (4.0 * x.powi(3) + 2.0 * x.powi(4)) * (2.0 * x).exp());
    let dd = (12.0 * x * x + 16.0 * x.powi(3) + 4.0 * x.powi(4)) * (2.0 * x).exp();
    let expected = (dd * x + d(x)) * d(0.5);
    let found = NativeReverse::default().derivative(&Inside, x).unwrap();
    assert!((found - expected).abs() < 1e-12 * expected);
    let around = DifferentiateWith::new(NativeReverse::default(), Inside);
    let found = NativeReverse::default().gradient(&around, &[x]).unwrap()[0];
    assert!((found - expected).abs() < 1e-12 * expected);
}

#[test]
fn one_evaluation_whatever_the_operation() {
    let backend = NativeReverse::default();
    for operation in Operation::ALL {
        let capability = backend.capability(operation, Shape { inputs: 40, outputs: 7 });
        assert_eq!(capability.evaluations().unwrap().bound(), 1, "{operation:?}");
    }
}

/// `x y z + 0 √x`: at the origin everything is zero but the third derivatives.
#[derive(Clone)]
struct Vertex;

impl Function for Vertex {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0] * x[1] * x[2] + x[0].sqrt() * 0.0;
        Ok(())
    }
}

#[test]
fn zeros_that_depend_on_an_input_keep_their_derivatives() {
    let (tape, dual) = (NativeReverse::default(), Dual::default());
    let at = [0.0, 0.0, 2.0];
    // The zero factor stops the infinite derivatives of the root, of both orders.
    let expected = dmatrix![0.0, 2.0, 0.0; 2.0, 0.0, 0.0; 0.0, 0.0, 0.0];
    assert_eq!(tape.hessian(&Vertex, &at).unwrap(), expected);
    let pair = HigherOrder::new(dual, tape);
    assert_eq!(pair.hessian(&Vertex, &at).unwrap(), expected);
    let pair = HigherOrder::new(tape, dual);
    assert_eq!(pair.hessian(&Vertex, &at).unwrap(), expected);
    let third = tape.jacobian(&Hessian::new(&tape, &Vertex, vec![1.0]), &[0.0; 3]).unwrap();
    for (i, j, k) in [(0, 1, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)] {
        assert_eq!(third[(i + 3 * j, k)], 1.0);
    }
    assert_eq!(third[(4, 2)], 0.0);
}
