//! Rules are differentiated by what they state.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "num-dual")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{
    Backend, Differentiate, Failure, Function, HigherOrder, Rule, RuleTangent, RuleValue, Scalar,
};
use ad_dual::{Dual, NumDual};
use nalgebra::DMatrix;

#[track_caller]
fn close(found: &DMatrix<f64>, expected: &DMatrix<f64>) {
    let error = (found - expected).amax();
    assert!(error <= 1e-13 * expected.amax().max(1.0), "error {error:e}");
}

/// `(x₀, x₁) ↦ (x₀ eˣ¹, x₁)`, with a stated tangent that counts its calls.
struct Stated(AtomicUsize);

impl RuleValue for Stated {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        (y[0], y[1]) = (x[0] * x[1].exp(), x[1]);
        Ok(())
    }
}

impl RuleTangent for Stated {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        x_dot: &[S],
        y_dot: &mut [S],
    ) -> Result<(), Failure> {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.apply(x, y_dot)?;
        y_dot[0] = x[1].exp() * x_dot[0] + y_dot[0] * x_dot[1];
        y_dot[1] = x_dot[1];
        Ok(())
    }
}

ad_api::rule!(Stated: tangent);

#[derive(Clone)]
struct Ruled(Arc<Stated>);

impl Function for Ruled {
    fn inputs(&self) -> usize {
        3
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut z = [S::from(0.0); 2];
        self.0.apply(&[x[0] * x[2], x[1]], &mut z)?;
        y[0] = z[0] * z[1];
        Ok(())
    }
}

fn rules<B: Backend>(backend: &B) {
    let (a, b, c): (f64, f64, f64) = (0.7, 0.4, -1.2);
    let f = Ruled(Arc::new(Stated(AtomicUsize::new(0))));
    let e = b.exp();
    let (value, gradient, hessian) = backend.value_gradient_and_hessian(&f, &[a, b, c]).unwrap();
    close(&DMatrix::from_element(1, 1, value), &DMatrix::from_element(1, 1, a * c * e * b));
    let expected = DMatrix::from_row_slice(3, 1, &[c * e * b, a * c * e * (b + 1.0), a * e * b]);
    close(&DMatrix::from_column_slice(3, 1, gradient.as_slice()), &expected);
    let (ab, ac, bc) = (c * e * (b + 1.0), e * b, a * e * (b + 1.0));
    let bb = a * c * e * (b + 2.0);
    let expected = DMatrix::from_row_slice(3, 3, &[0.0, ab, ac, ab, bb, bc, ac, bc, 0.0]);
    close(&hessian, &expected);
    assert!(f.0.0.load(Ordering::Relaxed) > 0);
}

#[test]
fn rules_are_differentiated_by_what_they_state() {
    rules(&Dual::default());
    rules(&NumDual::default());
    rules(&HigherOrder::new(NumDual::default(), Dual::default()));
}
