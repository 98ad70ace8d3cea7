//! Functions over num-dual's `DualNum`, by every backend.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "num-dual")]

use ad_api::{Differentiate, Gradient};
use ad_dual::{Dual, DualNumFunction, FromDualNum, NumDual, dual_num_function};
use nalgebra::DMatrix;

#[track_caller]
fn close(found: &DMatrix<f64>, expected: &DMatrix<f64>) {
    let error = (found - expected).amax();
    assert!(error <= 1e-13 * expected.amax().max(1.0), "error {error:e}");
}

dual_num_function!(
    /// Spherical Bessel functions, a power and a norm, as code over num-dual's numbers has them.
    Bessel: 2 => 4,
    |x, y| {
        y[0] = x[0].sph_j0();
        y[1] = x[0].sph_j1() * x[1];
        y[2] = x[0].sph_j2() + x[1].powd(x[0]);
        y[3] = (x[0] * 2.0 - x[1] / 3.0).mul_add(x[0], x[1]) % DualType::from(5.0);
    }
);

#[test]
fn functions_over_dual_num_run_on_every_backend() {
    for a in [0.0, 1e-3, 0.9, 1.1, 4.0] {
        let x: [f64; 2] = [a, 1.7];
        let (value, jacobian) = Dual::default().value_and_jacobian(&Bessel, &x).unwrap();
        let theirs = NumDual::default().value_and_jacobian(&Bessel, &x).unwrap();
        close(&jacobian, &theirs.1);
        assert_eq!(value, theirs.0);
        // j₀' = -j₁, j₁' = j₀ - 2 j₁/x, j₂' = j₁ - 3 j₂/x (DLMF 10.51.2).
        let (j0, j1) = (value[0], value[1] / x[1]);
        let j2 = value[2] - x[1].powf(a);
        let d1 = if a == 0.0 { 1.0 / 3.0 } else { j0 - 2.0 * j1 / a };
        let d2 = if a == 0.0 { 0.0 } else { j1 - 3.0 * j2 / a };
        let expected = [-j1, d1 * x[1], d2 + x[1].powf(a) * x[1].ln()];
        for (i, expected) in expected.into_iter().enumerate() {
            assert!((jacobian[(i, 0)] - expected).abs() < 1e-12, "{i} at {a}");
        }
        let second = Dual::default().weighted_hessian(&Bessel, &x, &[1.0; 4]).unwrap();
        close(&second, &NumDual::default().weighted_hessian(&Bessel, &x, &[1.0; 4]).unwrap());
    }
    let gradient =
        Gradient::new(&NumDual::default(), &FromDualNum(Bessel), vec![1.0, 0.0, 0.0, 0.0]);
    let found = Dual::default().jacobian(&gradient, &[0.0, 1.0]).unwrap()[(0, 0)];
    assert!((found + 1.0 / 3.0).abs() < 1e-15);
    assert_eq!(DualNumFunction::outputs(&Bessel), 4);
}
