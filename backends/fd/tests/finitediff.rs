//! Each failure of the `finitediff` crate, and what the adapter does about it.

#![allow(clippy::unwrap_used, reason = "tests, and what they call")]

mod common;
use ad_api::{
    AdError, Backend, Differentiate, Engine, Failure, Function, Operation, Prepared, Scalar, Shape,
};
use ad_fd::FiniteDiff;
use common::{Counted, function, relative};

function!(Logarithm: 1 => 1, |x, y| { y[0] = x[0].ln(); });
function!(Cube: 1 => 1, |x, y| { y[0] = x[0] * x[0] * x[0]; });
function!(XSinX: 1 => 1, |x, y| { y[0] = x[0] * x[0].sin(); });
function!(Pair: 2 => 3, |x, y| {
    y[0] = x[0] * x[1];
    y[1] = x[0].sin();
    y[2] = x[1].exp() * x[0];
});

const BOTH: [fn() -> FiniteDiff; 2] = [FiniteDiff::forward, FiniteDiff::central];

/// The crate alone.
fn bare_central<F: Function>(f: &F, x: &[f64]) -> Vec<Vec<f64>> {
    let op = |x: &Vec<f64>| -> Result<Vec<f64>, anyhow::Error> {
        let mut y = vec![0.0; f.outputs()];
        f.eval(x, &mut y).map_err(|failure| anyhow::Error::msg(failure.to_string()))?;
        Ok(y)
    };
    finitediff::vec::central_jacobian(&op)(&x.to_vec()).unwrap()
}

#[test]
fn is_the_crate_where_the_crate_is_right() {
    let x = [0.8, -1.5];
    let bare = bare_central(&Pair, &x);
    let jacobian = FiniteDiff::central().jacobian(&Pair, &x).unwrap();
    for i in 0..3 {
        for j in 0..2 {
            assert_eq!(jacobian[(i, j)], bare[i][j]);
        }
    }
    let exact = [[-1.5, 0.8], [0.8f64.cos(), 0.0], [(-1.5f64).exp(), 0.8 * (-1.5f64).exp()]];
    for make in BOTH {
        let stated = make().accuracy().relative();
        let (y, jacobian) = make().value_and_jacobian(&Pair, &x).unwrap();
        assert_eq!(y.as_slice(), [0.8 * -1.5, 0.8f64.sin(), 0.8 * (-1.5f64).exp()]);
        let gradient = make().pullback(&Pair, &x, &[1.0, 2.0, -1.0]).unwrap();
        for j in 0..2 {
            for (i, row) in exact.iter().enumerate() {
                assert!((jacobian[(i, j)] - row[j]).abs() < stated, "{i} {j}: {jacobian}");
            }
            let expected = exact[0][j] + 2.0 * exact[1][j] - exact[2][j];
            assert!((gradient[j] - expected).abs() < 4.0 * stated);
        }
    }
}

#[test]
fn nan_beside_a_finite_value_is_an_error() {
    assert!(bare_central(&Logarithm, &[1e-6])[0][0].is_nan());
    let error = FiniteDiff::central().derivative(&Logarithm, 1e-6).unwrap_err();
    assert_eq!(
        error.to_string(),
        "backend `finitediff` has no accurate derivative with respect to input 0: the function is \
         not finite at the fixed step 6.1e-6; use `fd`"
    );
    let error = FiniteDiff::central().pushforward(&Logarithm, &[1e-6], &[1.0]).unwrap_err();
    assert!(matches!(error, AdError::Inaccurate { input: 0, .. }), "{error}");
    // Where the value itself is NaN, so is the derivative.
    assert!(FiniteDiff::central().derivative(&Logarithm, -1.0).unwrap().is_nan());
}

#[test]
fn a_step_lost_in_large_inputs_is_an_error() {
    // The crate has 4 wrong digits of 16 left, in silence.
    assert!(relative(bare_central(&XSinX, &[1e9])[0][0], XSIN_SLOPE) > 1e-3);
    for x in [1e9, -1e9, 1e300] {
        for make in BOTH {
            for error in [
                make().derivative(&Cube, x).unwrap_err(),
                make().pullback(&Cube, &[x], &[1.0]).unwrap_err(),
            ] {
                assert!(
                    matches!(error, AdError::Inaccurate { input: 0, .. })
                        && error.to_string().contains("lost in the rounding"),
                    "{error}"
                );
            }
        }
    }
    // Up to there the error stays below the limit.
    for (x, make) in [(6e4, BOTH[0]), (2e7, BOTH[1])] {
        for f in [x, -x, 0.37 * x] {
            let error = relative(make().derivative(&Cube, f).unwrap(), 3.0 * f * f);
            assert!(error < 2e-3, "{f}: {error:e}");
        }
    }
}

const XSIN_SLOPE: f64 = 837_887_182.0; // sin x + x cos x at 1e9, to 9 digits

#[test]
fn small_inputs_have_the_stated_absolute_error() {
    for make in BOTH {
        let stated = make().accuracy().relative();
        for x in [0.0, 1e-12, 1e-6, 1e-3] {
            let error = (make().derivative(&Cube, x).unwrap() - 3.0 * x * x).abs();
            assert!(error <= stated, "{x}: {error:e}");
        }
    }
}

#[test]
fn long_and_short_tangents_are_as_good_as_others() {
    let x = [0.8, -1.5];
    let direction = [1.0, -0.5];
    let exact = [-1.5 - 0.4, 0.8f64.cos(), (-1.5f64).exp() * 0.6];
    for make in BOTH {
        let stated = make().accuracy().relative();
        for scale in [1e-300, 1e-6, 1.0, 1e6, 1e300] {
            let v = direction.map(|v| v * scale);
            let product = make().pushforward(&Pair, &x, &v).unwrap() / scale;
            for i in 0..3 {
                assert!((product[i] - exact[i]).abs() < 4.0 * stated, "{scale:e}: {product}");
            }
        }
        assert_eq!(make().pushforward(&Pair, &x, &[0.0; 2]).unwrap().as_slice(), [0.0; 3]);
    }
}

#[test]
fn empty_functions_do_not_reach_the_crate() {
    function!(NoInputs: 0 => 2, |_x, y| { y.fill(S::from(1.0)); });
    function!(NoOutputs: 2 => 0, |_x, _y| {});
    for make in BOTH {
        assert_eq!(make().jacobian(&NoInputs, &[]).unwrap().shape(), (2, 0));
        assert_eq!(make().jacobian(&NoOutputs, &[1.0, 2.0]).unwrap().shape(), (0, 2));
        assert_eq!(make().pushforward(&NoInputs, &[], &[]).unwrap().as_slice(), [0.0; 2]);
    }
}

#[test]
fn second_derivatives_are_those_of_the_gradient() {
    function!(Bilinear: 2 => 1, |x, y| { y[0] = x[0] * x[0] * x[1] * x[1] * 0.5; });
    // The crate without a gradient: [[0, 0], [0, 524288]] here.
    let hessian = FiniteDiff::central().hessian(&Bilinear, &[1000.0, 2.0]).unwrap();
    for (found, exact) in hessian.iter().zip([4.0, 4000.0, 4000.0, 1e6]) {
        assert!((found - exact).abs() < 1e-3 * 1e6, "{hessian}");
    }
    let hessian = FiniteDiff::central().hessian(&Bilinear, &[1.0, 2.0]).unwrap();
    for (found, exact) in hessian.iter().zip([4.0, 4.0, 4.0, 1.0]) {
        assert!((found - exact).abs() < 1e-4, "{hessian}");
    }
}

#[test]
fn failures_at_the_point_and_beside_it_are_told_apart() {
    #[derive(Debug, Clone)]
    struct Positive;
    impl Function for Positive {
        fn inputs(&self) -> usize {
            2
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
            if x[0] < 0.0 || x[1] < 0.0 || x[1] > 1.0 {
                return Err(Failure::new("outside"));
            }
            y[0] = x[0].sqrt() + x[1];
            Ok(())
        }
    }
    for make in BOTH {
        let error = make().gradient(&Positive, &[-1.0, 0.5]).unwrap_err();
        assert!(matches!(error, AdError::Function(_)), "{error}");
        let error = make().gradient(&Positive, &[0.5, 1.0]).unwrap_err();
        assert!(matches!(error, AdError::Inaccurate { input: 1, .. }), "{error}");
        assert!(error.to_string().contains("the function fails at the fixed step"), "{error}");
        let mut prepared = make().prepare(&Positive, &[0.5, 0.5]).unwrap();
        assert!(prepared.gradient(&[0.5, 1.0]).is_err());
        assert!(relative(prepared.gradient(&[0.25, 0.5]).unwrap()[0], 1.0) < 1e-7);
    }
}

#[test]
fn evaluations_are_exactly_those_stated() {
    for make in BOTH {
        let (f, x, shape) = (Counted::new(Pair), [0.8, -1.5], Shape { inputs: 2, outputs: 3 });
        let stated = |operation| make().capability(operation, shape).evaluations().unwrap();
        make().jacobian(&f, &x).unwrap();
        assert!(stated(Operation::Jacobian).allows(f.count()));
        make().pullback(&f, &x, &[1.0; 3]).unwrap();
        assert!(stated(Operation::Pullback).allows(f.count()));
        make().pushforward(&f, &x, &[1.0; 2]).unwrap();
        assert!(stated(Operation::Pushforward).allows(f.count()));
        assert_eq!(
            stated(Operation::Jacobian).bound(),
            1 + 2 * (stated(Operation::Pushforward).bound() - 1)
        );
    }
}
