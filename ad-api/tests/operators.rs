//! The algebra of lazy operators against the matrices.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use ad_api::{Differentiate, Failure, Function, LinearOperator, Scalar};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;
use nalgebra::{DMatrix, RowDVector, dmatrix, dvector};

/// `(a, b) ↦ (a b, a², b)`.
#[derive(Clone)]
struct Map;

impl Function for Map {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        3
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y.copy_from_slice(&[x[0] * x[1], x[0] * x[0], x[1]]);
        Ok(())
    }
}

/// `a³ b`.
#[derive(Clone)]
struct Form;

impl Function for Form {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0].powi(3) * x[1];
        Ok(())
    }
}

fn check<B: Differentiate>(backend: &B) {
    let x = [2.0, 5.0];
    let (value, _) = backend.linearize(&Map, &x).unwrap();
    assert_eq!(value, dvector![10.0, 4.0, 5.0]);
    let lazy = || backend.lazy_jacobian(&Map, &x).unwrap();
    let j: DMatrix<f64> = dmatrix![5.0, 2.0; 4.0, 0.0; 0.0, 1.0];
    assert_eq!((lazy().rows(), lazy().columns()), (3, 2));
    assert_eq!(lazy().materialize().unwrap(), j);
    assert_eq!(lazy().transpose().materialize().unwrap(), j.transpose());

    // Products from either side.
    let (v, row) = (dvector![1.0, -2.0], RowDVector::from_vec(vec![1.0, 2.0, 3.0]));
    let (right, left) = (dmatrix![1.0, 2.0; 3.0, 4.0], dmatrix![1.0, 0.0, 2.0; 0.0, -1.0, 1.0]);
    assert_eq!(&lazy() * &v, &j * &v);
    assert_eq!(&row * &lazy(), &row * &j);
    assert_eq!(&lazy() * &right, &j * &right);
    assert_eq!(&left * &lazy(), &left * &j);

    // Operators from operators.
    assert_eq!((2.0 * lazy()).materialize().unwrap(), &j * 2.0);
    assert_eq!((lazy() * 2.0).materialize().unwrap(), &j * 2.0);
    assert_eq!((-lazy()).materialize().unwrap(), -&j);
    assert_eq!((lazy() + lazy() * 3.0).materialize().unwrap(), &j * 4.0);
    assert_eq!((lazy() * 3.0 - lazy()).materialize().unwrap(), &j * 2.0);
    let normal = lazy().transpose() * lazy();
    assert_eq!(normal.materialize().unwrap(), j.transpose() * &j);
    assert_eq!(normal.transpose().apply(v.as_slice()).unwrap(), j.transpose() * &j * &v);

    // The others are Jacobians too.
    let gradient = backend.lazy_gradient(&Form, &x).unwrap();
    assert_eq!(gradient.materialize().unwrap(), dmatrix![60.0, 8.0]);
    let hessian = backend.lazy_hessian(&Form, &x).unwrap();
    let h = dmatrix![60.0, 12.0; 12.0, 0.0];
    assert_eq!(hessian.materialize().unwrap(), h);
    assert_eq!(&hessian * &v, &h * &v);
    assert_eq!(hessian.apply_transpose(v.as_slice()).unwrap(), &h * &v);
}

#[test]
fn by_sweeps() {
    check(&Dual::default());
}

#[test]
fn by_a_kept_tape() {
    check(&NativeReverse::default());
}
