//! What goes wrong, and what the message says.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use ad_api::{
    AdError, Backend, Differentiate, Failure, Function, Lazy, LinearOperator, Prepared, Scalar,
};
use ad_dual::Dual;
use nalgebra::{DMatrix, DVector};

/// `(a, b) ↦ (a b, a + b, ln a)`, which fails where `a` is negative.
#[derive(Clone)]
struct Three;

#[derive(Debug, thiserror::Error)]
#[error("{0} is negative")]
struct Negative(f64);

impl Function for Three {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        3
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        if x[0] < 0.0 {
            Err(Negative(x[0].primal()))?;
        }
        y.copy_from_slice(&[x[0] * x[1], x[0] + x[1], x[0].ln()]);
        Ok(())
    }
}

#[track_caller]
fn message<T>(result: Result<T, AdError>, expected: &str) {
    match result {
        Ok(_) => panic!("no error, expected: {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[test]
fn wrong_lengths_are_named() {
    let (b, x) = (Dual::default(), [1.0, 2.0]);
    message(b.jacobian(&Three, &[1.0]), "`x` has length 1, expected 2 (the number of inputs)");
    message(
        b.pushforward(&Three, &x, &[1.0; 3]),
        "`x_dot` has length 3, expected 2 (one for each seed)",
    );
    message(
        b.pullback(&Three, &x, &[1.0; 2]),
        "`y_bar` has length 2, expected 3 (one for each seed)",
    );
    message(
        b.weighted_hessian(&Three, &x, &[1.0]),
        "`w` has length 1, expected 3 (one for each output)",
    );
    message(
        b.jacobian_into(&Three, &x, &mut DMatrix::zeros(2, 3)),
        "`jacobian` is 2 x 3, expected 3 x 2",
    );
}

#[test]
fn wrong_lengths_after_preparation_are_named_and_harmless() {
    let mut prepared = Dual::default().prepare(&Three, &[1.0, 1.0]).unwrap();
    let mut y = [0.0; 3];
    message(
        prepared.value_into(&[1.0, 2.0, 3.0], &mut y),
        "`x` has length 3, expected 2 (the number of inputs)",
    );
    message(
        prepared.value_into(&[1.0, 2.0], &mut y[..2]),
        "`y` has length 2, expected 3 (the number of outputs)",
    );
    message(
        prepared.pullback_into(&[1.0, 2.0], &[1.0; 3], &mut [0.0; 5]),
        "`x_bar` has length 5, expected 2 (one for each seed)",
    );
    assert_eq!(prepared.jacobian(&[1.0, 2.0]).unwrap()[(0, 0)], 2.0);
}

#[test]
fn an_operation_that_does_not_fit_says_what_would() {
    let b = Dual::default();
    message(
        b.gradient(&Three, &[1.0, 2.0]),
        "`gradient` needs a function with one output, but this one has 2 inputs and 3 outputs; \
         use `jacobian` or `pullback`",
    );
    message(b.derivative(&Three, 1.0), "`x` has length 1, expected 2 (the number of inputs)");
    message(
        b.hessian(&Three, &[1.0, 2.0]),
        "`hessian` needs a function with one output, but this one has 2 inputs and 3 outputs; \
         use `weighted_hessian`",
    );
    let mut prepared = b.prepare(&Three, &[1.0, 2.0]).unwrap();
    message(
        prepared.derivative_into(1.0, &mut [0.0; 3]),
        "`derivative` needs a function with one input, but this one has 2 inputs and 3 outputs; \
         use `jacobian` or `gradient`",
    );
    message(
        prepared.second_derivative_into(1.0, &mut [0.0; 3]),
        "`second_derivative` needs a function with one input, but this one has 2 inputs and 3 \
         outputs; use `hessian` or `weighted_hessian`",
    );
}

#[test]
fn a_failure_reaches_the_caller_through_every_order_and_can_be_recognised() {
    let (b, x) = (Dual::default(), [-1.5, 2.0]);
    let errors = [
        b.jacobian(&Three, &x).unwrap_err(),
        b.pullback(&Three, &x, &[1.0; 3]).unwrap_err(),
        b.weighted_hessian(&Three, &x, &[1.0; 3]).unwrap_err(),
        b.lazy_jacobian(&Three, &x).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), "the function failed: -1.5 is negative");
        let AdError::Function(failure) = error else { panic!("{error}") };
        assert_eq!(failure.downcast_ref::<Negative>().unwrap().0, -1.5);
    }
}

#[test]
fn a_preparation_survives_a_failure() {
    let mut prepared = Dual::default().prepare(&Three, &[0.0, 0.0]).unwrap();
    let before = prepared.jacobian(&[1.0, 2.0]).unwrap();
    assert!(prepared.jacobian(&[-1.0, 2.0]).is_err());
    assert_eq!(prepared.jacobian(&[1.0, 2.0]).unwrap(), before);
}

#[test]
fn operators_check_their_sizes() {
    let lazy = || Dual::default().lazy_jacobian(&Three, &[1.0, 2.0]).unwrap();
    message(lazy().apply(&[1.0]), "`v` has length 1, expected 2 (the columns of the operator)");
    message(
        lazy().apply_transpose(&[1.0]),
        "`w` has length 1, expected 3 (the rows of the operator)",
    );
    message(
        lazy().compose(lazy()),
        "`inner` has length 3, expected 2 (the columns of the outer one)",
    );
    message(
        Lazy::add(lazy(), lazy().transpose()),
        "`rows` has length 2, expected 3 (the rows of the first summand)",
    );
}

#[test]
#[should_panic(expected = "`v` has length 1, expected 2 (the columns of the operator)")]
fn an_operator_product_of_wrong_size_panics_with_the_cause() {
    let lazy = Dual::default().lazy_jacobian(&Three, &[1.0, 2.0]).unwrap();
    let _ = &lazy * &DVector::zeros(1);
}
