//! Sizes at the edges, odd programs, and what the record costs.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{
    AdError, Backend, Differentiate, Failure, Function, LinearOperator, Prepared, Scalar,
};
use ad_dual::Dual;
use ad_native_reverse::{NativeReverse, TapeLinearization, Var};
use nalgebra::{DMatrix, DVector};

/// `n` inputs, `m` outputs: a ring of products, evaluations counted.
#[derive(Clone)]
struct Ring {
    inputs: usize,
    outputs: usize,
    evaluations: Arc<AtomicUsize>,
}

impl Ring {
    fn new(inputs: usize, outputs: usize) -> Self {
        Ring { inputs, outputs, evaluations: Arc::default() }
    }

    fn point(&self) -> Vec<f64> {
        (0..self.inputs).map(|j| 0.3 + (j as f64 * 0.7).sin()).collect()
    }

    fn evaluations(&self) -> usize {
        self.evaluations.swap(0, Ordering::Relaxed)
    }
}

impl Function for Ring {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        let n = self.inputs.max(1);
        for (i, y) in y.iter_mut().enumerate() {
            let at = |k: usize| if x.is_empty() { S::from(2.0) } else { x[(i + k) % n] };
            *y = at(0) * at(1) + at(2).sin() * (1.0 + i as f64);
        }
        Ok(())
    }
}

fn random(len: usize, seed: f64) -> Vec<f64> {
    (0..len).map(|i| ((i as f64 + seed) * 12.9898).sin()).collect()
}

#[test]
fn any_number_of_seeds_agrees_with_dual_numbers_in_one_evaluation() {
    for (n, m) in [(1, 1), (1, 5), (5, 1), (3, 11), (11, 3), (40, 9), (9, 40), (17, 17)] {
        let f = Ring::new(n, m);
        let x = f.point();
        let expected = Dual::default().jacobian(&f, &x).unwrap();
        let mut prepared = NativeReverse::default().prepare(&f, &x).unwrap();
        f.evaluations();
        assert!((prepared.jacobian(&x).unwrap() - &expected).amax() < 1e-14, "{n} {m}");
        assert_eq!(f.evaluations(), 1);
        for k in [1, 2, 7, 8, 9, 17] {
            let (v, w) = (random(k * n, 0.3), random(k * m, 0.8));
            let (mut jv, mut jtw) = (vec![f64::NAN; k * m], vec![f64::NAN; k * n]);
            prepared.pushforward_into(&x, &v, &mut jv).unwrap();
            assert_eq!(f.evaluations(), 1);
            prepared.pullback_into(&x, &w, &mut jtw).unwrap();
            assert_eq!(f.evaluations(), 1);
            let columns = |k, n, data: &[f64]| DMatrix::from_column_slice(n, k, data);
            let error = columns(k, m, &jv) - &expected * columns(k, n, &v);
            assert!(error.amax() < 1e-13, "{k} tangents of {n} to {m}");
            let error = columns(k, n, &jtw) - expected.transpose() * columns(k, m, &w);
            assert!(error.amax() < 1e-13, "{k} cotangents of {n} to {m}");
        }
    }
}

#[test]
fn second_order_takes_one_evaluation() {
    let f = Ring::new(12, 1);
    let x = f.point();
    let expected = Dual::default().hessian(&f, &x).unwrap();
    f.evaluations();
    let hessian = NativeReverse::default().hessian(&f, &x).unwrap();
    assert_eq!(f.evaluations(), 1);
    assert!((&hessian - expected).amax() < 1e-14);
    let v = random(12, 0.1);
    let hv = NativeReverse::default().hvp(&f, &x, &v).unwrap();
    assert_eq!(f.evaluations(), 1);
    assert!((hv - hessian * DVector::from_vec(v)).amax() < 1e-14);
}

#[test]
fn no_inputs_and_no_outputs() {
    let backend = NativeReverse::default();
    for (n, m) in [(0, 0), (0, 3), (3, 0)] {
        let f = Ring::new(n, m);
        let x = f.point();
        assert_eq!(backend.jacobian(&f, &x).unwrap().shape(), (m, n));
        assert_eq!(backend.pullback(&f, &x, &vec![1.0; m]).unwrap(), DVector::zeros(n));
        assert_eq!(backend.pushforward(&f, &x, &vec![1.0; n]).unwrap(), DVector::zeros(m));
        let (y, operator) = backend.linearize(&f, &x).unwrap();
        assert_eq!(y, backend.value(&f, &x).unwrap());
        assert_eq!(operator.apply(&vec![1.0; n]).unwrap(), DVector::zeros(m));
        assert_eq!(operator.apply_transpose(&vec![1.0; m]).unwrap(), DVector::zeros(n));
        assert_eq!(operator.materialize().unwrap().shape(), (m, n));
    }
}

#[test]
fn wrong_lengths_are_errors() {
    let (backend, f) = (NativeReverse::default(), Ring::new(3, 2));
    let shape = |error: AdError| matches!(error, AdError::Shape { .. });
    assert!(shape(backend.prepare(&f, &[1.0; 2]).map(drop).unwrap_err()));
    assert!(shape(backend.linearize(&f, &[1.0; 2]).map(drop).unwrap_err()));
    let mut p = backend.prepare(&f, &[1.0; 3]).unwrap();
    assert!(shape(p.pullback(&[1.0; 3], &[1.0; 3]).unwrap_err()));
    assert!(shape(p.pushforward(&[1.0; 3], &[1.0; 2]).unwrap_err()));
    let mut wrong = DMatrix::zeros(3, 2);
    let error = p.jacobian_into(&[1.0; 3], &mut wrong).unwrap_err();
    assert!(matches!(error, AdError::MatrixShape { .. }));
    let (_, operator) = backend.linearize(&f, &[1.0; 3]).unwrap();
    assert!(shape(operator.apply(&[1.0; 2]).unwrap_err()));
    assert!(shape(operator.apply_transpose(&[1.0; 3]).unwrap_err()));
}

/// Outputs that are inputs, constants, the same variable twice, and an input that nothing uses.
#[derive(Clone)]
struct Odd;

impl Function for Odd {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        6
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[1];
        y[1] = S::from(7.0);
        y[2] = x[0] * x[1];
        y[3] = y[2];
        y[4] = x[1] + 5.0;
        y[5] = S::from(2.0) * 3.0 + S::from(1.0).sin();
        Ok(())
    }
}

#[test]
fn odd_outputs() {
    let backend = NativeReverse::default();
    let x = [2.0, 3.0, 5.0];
    let rows = [[0., 1., 0.], [0.; 3], [3., 2., 0.], [3., 2., 0.], [0., 1., 0.], [0.; 3]];
    let (y, operator) = backend.linearize(&Odd, &x).unwrap();
    assert_eq!(y.as_slice(), [3.0, 7.0, 6.0, 6.0, 8.0, 6.0 + 1f64.sin()]);
    // The product is recorded as often as it is an output; a sum with a constant and constants alone
    // record nothing.
    assert_eq!(operator.statements(), 2);
    let w = [1.0, 10.0, 100.0, 1000.0, 10000.0, 1e5];
    let expected = [3300.0, 1.0 + 2200.0 + 10000.0, 0.0];
    assert_eq!(backend.pullback(&Odd, &x, &w).unwrap().as_slice(), expected);
    assert_eq!(operator.apply_transpose(&w).unwrap().as_slice(), expected);
    let units: Vec<f64> = (0..36).map(|k| if k % 7 == 0 { 1.0 } else { 0.0 }).collect();
    let mut all = [f64::NAN; 18];
    backend.pullback_into(&Odd, &x, &units, &mut all).unwrap();
    assert_eq!(all.as_slice(), rows.as_flattened());
    let jacobian = backend.jacobian(&Odd, &x).unwrap();
    assert!((0..6).all(|i| (0..3).all(|j| jacobian[(i, j)] == rows[i][j])), "{jacobian}");
    assert_eq!(operator.materialize().unwrap(), jacobian);
}

#[test]
fn the_size_of_a_variable() {
    assert_eq!(size_of::<Var<f64>>(), 40);
    assert_eq!(size_of::<Var<Var<f64>>>(), 72);
}

/// `y ← y x₁ + x₂ x₃`, `n` times from `x₀`.
#[derive(Clone)]
struct Chain(usize);

impl Function for Chain {
    fn inputs(&self) -> usize {
        4
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = (0..self.0).fold(x[0], |y, _| y * x[1] + x[2] * x[3]);
        Ok(())
    }
}

#[test]
fn a_million_operations_deep() {
    let (f, x) = (Chain(1_000_000), [1.0, 0.999_999, 0.0, 1.0]);
    let backend = NativeReverse::default();
    let expected = 0.999_999_f64.powi(1_000_000);
    let close = |found: f64| (found - expected).abs() < 1e-9 * expected;
    assert!(close(backend.gradient(&f, &x).unwrap()[0]));
    let (_, operator) = backend.linearize(&f, &x).unwrap();
    assert!(operator.statements() >= 999_999, "{}", operator.statements());
    // Two operations each, of at most four terms.
    assert!(operator.bytes() <= 48 * operator.statements());
    assert!(close(operator.apply_transpose(&[1.0]).unwrap()[0]));
    assert!(close(operator.apply(&[1.0, 0.0, 0.0, 0.0]).unwrap()[0]));
}

/// `Σ (x₀ - x₁) cos(x₀ + x₁)`, `n` times.
#[derive(Clone)]
struct Plane(usize);

impl Function for Plane {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = (0..self.0).map(|_| (x[0] - x[1]) * (x[0] + x[1]).cos()).sum();
        Ok(())
    }
}

#[test]
fn what_depends_on_the_same_two_variables_is_not_recorded() {
    let backend = NativeReverse::default();
    let (_, operator) = backend.linearize(&Plane(1000), &[1.0, 3.0]).unwrap();
    // The output.
    assert_eq!(operator.statements(), 1);
    let d = operator.apply_transpose(&[1.0]).unwrap() / 1000.0;
    assert!((d[0] - (4f64.cos() + 2.0 * 4f64.sin())).abs() < 1e-12);
    assert!((d[1] - (2.0 * 4f64.sin() - 4f64.cos())).abs() < 1e-12);
}

/// A partial that is infinite times one that is zero, and the other way round; `x₀ = 0`.
#[derive(Clone)]
struct Strong;

impl Function for Strong {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        4
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0].sqrt() * 0.0;
        y[1] = (x[0] * 0.0 + x[1]).sqrt();
        y[2] = (x[0] * x[1]).sqrt() * 0.0 + x[2];
        y[3] = x[0].sqrt() * (x[1] * 0.0) + x[2] * x[1];
        Ok(())
    }
}

#[test]
fn zero_times_an_infinite_partial_is_zero() {
    let jacobian = NativeReverse::default().jacobian(&Strong, &[0.0, 0.0, 2.0]).unwrap();
    let infinite = f64::INFINITY;
    let rows = [[0.0; 3], [0.0, infinite, 0.0], [0.0, 0.0, 1.0], [0.0, 2.0, 0.0]];
    assert!((0..4).all(|i| (0..3).all(|j| jacobian[(i, j)] == rows[i][j])), "{jacobian}");
    assert_eq!(jacobian, Dual::default().jacobian(&Strong, &[0.0, 0.0, 2.0]).unwrap());
}

/// `Σ xᵢ²`.
#[derive(Clone)]
struct Squares(usize);

impl Function for Squares {
    fn inputs(&self) -> usize {
        self.0
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x.iter().map(|&x| x * x).sum();
        Ok(())
    }
}

#[test]
fn a_hundred_thousand_inputs() {
    let f = Squares(100_000);
    let x = random(100_000, 0.4);
    let backend = NativeReverse::default();
    let gradient = backend.gradient(&f, &x).unwrap();
    assert!(gradient.iter().zip(&x).all(|(&g, &x)| g == 2.0 * x));
    let hv = backend.hvp(&f, &x, &vec![1.0; 100_000]).unwrap();
    assert!(hv.iter().all(|&h| h == 2.0));
}

#[test]
fn one_linearization_on_many_threads() {
    let f = Ring::new(50, 20);
    let x = f.point();
    let (_, operator) = NativeReverse::default().linearize(&f, &x).unwrap();
    f.evaluations();
    let jacobian = Dual::default().jacobian(&f, &x).unwrap();
    f.evaluations();
    let check = |operator: &TapeLinearization, seed: f64| {
        let (v, w) = (random(50, seed), random(20, seed));
        let jv = operator.apply(&v).unwrap() - &jacobian * DVector::from_vec(v);
        let jtw =
            operator.apply_transpose(&w).unwrap() - jacobian.transpose() * DVector::from_vec(w);
        assert!(jv.amax() < 1e-13 && jtw.amax() < 1e-13);
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (operator, check) = (&operator, &check);
            scope.spawn(move || (0..20).for_each(|i| check(operator, f64::from(thread * 20 + i))));
        }
    });
    let clone = operator.clone();
    drop(operator);
    std::thread::scope(|scope| scope.spawn(|| check(&clone, 0.5)).join().unwrap());
    assert_eq!(f.evaluations(), 0, "a linearization does not evaluate the function again");
}

#[test]
fn a_clone_of_a_preparation_is_independent() {
    let f = Ring::new(5, 2);
    let x = f.point();
    let mut p = NativeReverse::default().prepare(&f, &x).unwrap();
    let expected = p.jacobian(&x).unwrap();
    let mut q = p.clone();
    let on_thread = std::thread::spawn(move || q.jacobian(&f.point()).unwrap()).join().unwrap();
    assert_eq!(on_thread, expected);
    assert_eq!(p.jacobian(&x).unwrap(), expected);
}

#[test]
fn branches_follow_the_point() {
    #[derive(Clone)]
    struct Branch;
    impl Function for Branch {
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
            y[0] = if x[0] < 1.0 { x[0] * x[0] * x[0] } else { x[0] * 2.0 };
            Ok(())
        }
    }
    let mut p = NativeReverse::default().prepare(&Branch, &[0.0]).unwrap();
    let slopes = [0.5, 3.0, 0.5, 3.0].map(|x| p.gradient(&[x]).unwrap()[0]);
    assert_eq!(slopes, [0.75, 2.0, 0.75, 2.0]);
}

#[test]
fn values_that_are_not_finite_are_handed_on() {
    let backend = NativeReverse::default();
    let (value, gradient) =
        backend.value_and_gradient(&Squares(2), &[f64::INFINITY, f64::NAN]).unwrap();
    assert!(value.is_nan());
    assert_eq!(gradient[0], f64::INFINITY);
    assert!(gradient[1].is_nan());
}
