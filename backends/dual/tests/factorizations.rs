//! Derivatives through nalgebra's generic factorizations.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "num-dual")]

use ad_api::{Differentiate, Failure, Function, Scalar};
use ad_dual::{Dual, NumDual};
use nalgebra::{DMatrix, Matrix3, Vector3};

#[track_caller]
fn close(found: &DMatrix<f64>, expected: &DMatrix<f64>) {
    let error = (found - expected).amax();
    assert!(error <= 1e-13 * expected.amax().max(1.0), "error {error:e}");
}

/// `‖A⁻¹b‖²` for `A = B + t C`, by one of nalgebra's factorizations.
#[derive(Clone)]
struct Solved(&'static str);

impl Function for Solved {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, t: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (base, slope) = matrices();
        let a = base.zip_map(&slope, |base, slope| t[0] * slope + base);
        let b = Vector3::new(1.0, -2.0, 0.5).map(S::from);
        let solution = match self.0 {
            "lu" => a.lu().solve(&b),
            "qr" => a.qr().solve(&b),
            _ => a.cholesky().map(|factor| factor.solve(&b)),
        };
        y[0] = solution.ok_or_else(|| Failure::new("singular"))?.norm_squared();
        Ok(())
    }
}

fn matrices() -> (Matrix3<f64>, Matrix3<f64>) {
    (
        Matrix3::new(4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0),
        Matrix3::new(1.0, 0.3, 0.0, 0.3, 0.5, -0.1, 0.0, -0.1, 2.0),
    )
}

#[test]
fn factorizations_of_nalgebra() {
    let (base, slope) = matrices();
    let t = 0.3;
    let inverse = (base + slope * t).try_inverse().unwrap();
    // x = A⁻¹b, x' = -A⁻¹C x, x'' = -2 A⁻¹C x'.
    let x = inverse * Vector3::new(1.0, -2.0, 0.5);
    let first = -inverse * slope * x;
    let second = inverse * slope * first * -2.0;
    let expected =
        [x.norm_squared(), 2.0 * x.dot(&first), 2.0 * (first.norm_squared() + x.dot(&second))];
    for method in ["lu", "qr", "cholesky"] {
        let f = Solved(method);
        for (value, first, second) in [
            Dual::default().value_derivative_and_second_derivative(&f, t).unwrap(),
            NumDual::default().value_derivative_and_second_derivative(&f, t).unwrap(),
        ] {
            let found = DMatrix::from_row_slice(1, 3, &[value, first, second]);
            close(&found, &DMatrix::from_row_slice(1, 3, &expected));
        }
    }
}
