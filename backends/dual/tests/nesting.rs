//! Three engines above one another.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "num-dual")]

use ad_api::{Backend, Differentiate, Failure, Function, Hessian, HigherOrder, Scalar};
use ad_dual::{Dual, NumDual};
use nalgebra::DMatrix;

#[track_caller]
fn close(found: &DMatrix<f64>, expected: &DMatrix<f64>) {
    let error = (found - expected).amax();
    assert!(error <= 1e-13 * expected.amax().max(1.0), "error {error:e}");
}

/// `x₀⁴ x₁³`, whose third derivatives need three engines.
#[derive(Clone)]
struct Quartic;

impl Function for Quartic {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x[0].powi(4) * x[1].powi(3);
        Ok(())
    }
}

fn third_derivatives<A: Backend, B: Backend>(outer: &A, inner: &B) {
    let (a, b): (f64, f64) = (1.5, -2.0);
    let hessian = Hessian::new(inner, &Quartic, vec![1.0]);
    let found = outer.jacobian(&hessian, &[a, b]).unwrap();
    let (aaa, aab) = (24.0 * a * b.powi(3), 36.0 * a * a * b * b);
    let (abb, bbb) = (24.0 * a.powi(3) * b, 6.0 * a.powi(4));
    close(&found, &DMatrix::from_row_slice(4, 2, &[aaa, aab, aab, abb, aab, abb, abb, bbb]));
}

#[test]
fn three_levels_nest() {
    let (dual, num_dual) = (Dual::default(), NumDual::default());
    third_derivatives(&dual, &dual);
    third_derivatives(&num_dual, &HigherOrder::new(dual, num_dual));
}
