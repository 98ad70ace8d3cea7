//! Bounds, holes, failures, scales and sizes.

mod common;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{
    AdError, Backend, Differentiate, Failure, Function, HigherOrder, Prepared, Pushforward, Scalar,
};
use ad_fd::{Bounds, Fd};
use common::{function, relative};

function!(Logarithm: 1 => 1, |x, y| { y[0] = x[0].ln(); });
function!(Product: 3 => 2, |x, y| {
    y[0] = x[0] * x[1].sin() + x[2].exp();
    y[1] = x[0] / (x[2] * x[2] + 1.0);
});

fn product_jacobian(x: &[f64]) -> [[f64; 3]; 2] {
    let d = x[2] * x[2] + 1.0;
    [[x[1].sin(), x[0] * x[1].cos(), x[2].exp()], [1.0 / d, 0.0, -2.0 * x[0] * x[2] / (d * d)]]
}

/// `√(x - lower) √(upper - x)` and the like: fails outside its bounds, and counts how often.
#[derive(Debug, Clone)]
struct Walled {
    lower: f64,
    upper: f64,
    hits: Arc<AtomicUsize>,
}

impl Walled {
    fn new(lower: f64, upper: f64) -> Self {
        Walled { lower, upper, hits: Arc::default() }
    }
}

impl Function for Walled {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        for x in x {
            if x.primal() < self.lower || x.primal() > self.upper {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Err(Failure::new("hit the wall"));
            }
        }
        y[0] = x[0].exp() * (x[1] * 2.0).sin();
        Ok(())
    }
}

#[test]
fn bounds_are_never_violated() {
    let (lower, upper) = (0.1, 0.3);
    for order in [2, 4, 6, 8] {
        for adaptive in [true, false] {
            let fd = Fd::default().order(order).unwrap().adaptive(adaptive);
            let fd = fd.bounds(vec![lower; 2], vec![upper; 2]).unwrap();
            for a in [lower, lower + 1e-12, lower + 1e-5, 0.2, upper - 1e-7, upper] {
                for b in [lower, 0.15, upper - 1e-15, upper] {
                    let f = Walled::new(lower, upper);
                    // At 1e-12 from a bound a fixed stencil turns round; both have most digits.
                    let tolerance = [1e-7, 1e-9, 1e-10, 1e-10][order / 2 - 1];
                    let exact = [a.exp() * (2.0 * b).sin(), 2.0 * a.exp() * (2.0 * b).cos()];
                    let gradient = fd.gradient(&f, &[a, b]).unwrap();
                    for i in 0..2 {
                        let error = relative(gradient[i], exact[i]);
                        assert!(
                            error < tolerance,
                            "order {order}, adaptive {adaptive}, ({a}, {b}), input {i}: {error:e}"
                        );
                    }
                    for v in [[1.0, 1.0], [1.0, -1e-3], [-1e5, 1e4]] {
                        let expected = exact[0] * v[0] + exact[1] * v[1];
                        let size = (exact[0] * v[0]).abs() + (exact[1] * v[1]).abs();
                        let (_, y_dot, estimate) =
                            fd.value_pushforward_and_error(&f, &[a, b], &v).unwrap();
                        let error = (y_dot[0] - expected).abs();
                        assert!(
                            error <= 10.0 * tolerance * size,
                            "order {order}, adaptive {adaptive}, ({a}, {b}), {v:?}: {error:e} ± {}",
                            estimate[0]
                        );
                    }
                    assert_eq!(f.hits.load(Ordering::Relaxed), 0, "order {order} at ({a}, {b})");
                }
            }
        }
    }
}

#[test]
fn second_derivatives_respect_bounds_too() {
    let f = Walled::new(0.1, 0.3);
    let fd = Fd::default().bounds(vec![0.1; 2], vec![0.3; 2]).unwrap();
    for x in [[0.1, 0.3], [0.2, 0.1], [0.2, 0.2]] {
        let hessian = fd.hessian(&f, &x).unwrap();
        let (e, s, c) = (x[0].exp(), (2.0 * x[1]).sin(), (2.0 * x[1]).cos());
        for (found, exact) in hessian.iter().zip([e * s, 2.0 * e * c, 2.0 * e * c, -4.0 * e * s]) {
            assert!(relative(*found, exact) < 1e-6, "{hessian} at {x:?}");
        }
    }
    assert_eq!(f.hits.load(Ordering::Relaxed), 0);
}

#[test]
fn wrong_bounds_are_named() {
    let error = Fd::default().bounds(vec![0.0], vec![1.0, 2.0]).unwrap_err();
    assert_eq!(error.to_string(), "`upper` has length 2, expected 1 (as many as `lower`)");
    let error = Fd::default().bounds(vec![0.0, 2.0], vec![1.0, 1.0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "setting `bounds` is [2, 1] for input 1, expected a lower bound that is not above the \
         upper one"
    );
    assert!(Bounds::new(vec![f64::NAN], vec![1.0]).is_err());
    let fd = Fd::default().bounds(vec![0.0], vec![1.0]).unwrap();
    let error = fd.jacobian(&Product, &[0.1, 0.2, 0.3]).unwrap_err();
    assert_eq!(error.to_string(), "`bounds` has length 1, expected 3 (one for each input)");
    let error = fd.derivative(&Logarithm, 2.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "backend `fd` has no accurate derivative with respect to input 0: the point, 2, lies \
         outside the bounds [0, 1]"
    );
    let pinned = Fd::default().bounds(vec![0.5], vec![0.5]).unwrap();
    let error = pinned.derivative(&Logarithm, 0.5).unwrap_err();
    assert_eq!(
        error.to_string(),
        "backend `fd` has no accurate derivative with respect to input 0: no step gives a usable \
         stencil; the bounds leave no room for a step"
    );
}

#[test]
fn settings_are_checked() {
    for order in [0, 1, 3, 5, 7, 9, 10] {
        let error = Fd::default().order(order).unwrap_err();
        assert_eq!(error.to_string(), format!("setting `order` is {order}, expected 2, 4, 6 or 8"));
    }
    for max_step in [0.0, -1.0, f64::NAN] {
        let error = Fd::default().max_step(max_step).unwrap_err();
        assert!(matches!(error, AdError::Setting { setting: "max_step", .. }), "{error}");
    }
}

#[test]
fn max_step_is_kept() {
    #[derive(Debug, Clone)]
    struct Far(f64, f64);
    impl Function for Far {
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
            assert!((x[0].primal() - self.0).abs() <= self.1);
            y[0] = x[0].sqrt();
            Ok(())
        }
    }
    for (max_step, tolerance) in [(1e-9, 1e-3), (1e-3, 1e-8), (10.0, 1e-11)] {
        let fd = Fd::default().max_step(max_step).unwrap();
        let d = fd.derivative(&Far(100.0, max_step), 100.0).unwrap();
        assert!(relative(d, 0.05) < tolerance);
        let d = fd.pushforward(&Far(100.0, max_step), &[100.0], &[1e7]).unwrap();
        assert!(relative(d[0], 0.05e7) < tolerance);
    }
}

#[test]
fn holes_beside_the_point_are_avoided() {
    // √(1 - x) close to 1, the logarithm close to 0, and functions of one side only.
    function!(Root: 1 => 1, |x, y| { y[0] = (S::from(1.0) - x[0]).sqrt(); });
    for gap in [1e-3_f64, 1e-6, 1e-9] {
        let x: f64 = 1.0 - gap;
        let exact = -0.5 / (1.0 - x).sqrt();
        let error = relative(Fd::default().derivative(&Root, x).unwrap(), exact);
        assert!(error < 1e-9, "gap {gap}: {error:e}");
    }
    for x in [1e-280, 1e-12, 1e-6] {
        let error = relative(Fd::default().derivative(&Logarithm, x).unwrap() * x, 1.0);
        assert!(error < 1e-10, "ln at {x:e}: {error:e}");
    }
    // Finite on one side of the point only.
    function!(RightOnly: 1 => 1, |x, y| {
        y[0] = if x[0] < 2.0 { S::from(f64::NAN) } else { x[0].sin() };
    });
    let error = relative(Fd::default().derivative(&RightOnly, 2.0).unwrap(), 2f64.cos());
    assert!(error < 1e-10, "{error:e}");
}

#[test]
fn an_isolated_point_is_an_error_that_names_the_input() {
    function!(Isolated: 2 => 1, |x, y| {
        y[0] = if x[1] == 2.0 { x[0] } else { S::from(f64::INFINITY) };
    });
    let error = Fd::default().gradient(&Isolated, &[1.0, 2.0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "backend `fd` has no accurate derivative with respect to input 1: no step gives a usable \
         stencil; the function is not finite beside the point"
    );
}

/// Fails at every evaluation but the first `n`.
#[derive(Debug, Clone)]
struct FailsAfter(usize, Arc<AtomicUsize>);

impl Function for FailsAfter {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        if self.1.fetch_add(1, Ordering::Relaxed) >= self.0 {
            return Err(Failure::new("out of luck"));
        }
        y[0] = x[0].exp();
        Ok(())
    }
}

#[test]
fn a_failure_at_the_point_is_that_of_the_function_and_one_beside_it_is_inaccuracy() {
    let fd = Fd::default();
    let error = fd.derivative(&FailsAfter(0, Arc::default()), 1.0).unwrap_err();
    assert!(matches!(&error, AdError::Function(failure) if failure.to_string() == "out of luck"));
    for n in [1, 3] {
        let error = fd.derivative(&FailsAfter(n, Arc::default()), 1.0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "backend `fd` has no accurate derivative with respect to input 0: no step gives a \
             usable stencil; the function fails beside the point: out of luck"
        );
    }
    let error = fd.adaptive(false).derivative(&FailsAfter(3, Arc::default()), 1.0).unwrap_err();
    assert!(error.to_string().ends_with("(adaptive steps may find a usable one)"), "{error}");
}

#[test]
fn a_preparation_survives_failures() {
    #[derive(Debug, Clone)]
    struct Domain;
    impl Function for Domain {
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
            if x[0] < 0.0 {
                return Err(Failure::new("negative"));
            }
            assert!(x[0] < 1e3, "too large");
            y[0] = x[0] * x[0];
            Ok(())
        }
    }
    let mut prepared = Fd::default().prepare(&Domain, &[1.0]).unwrap();
    assert!(prepared.derivative(-1.0).is_err());
    assert!(relative(prepared.derivative(3.0).unwrap(), 6.0) < 1e-12);
    let panicked = std::panic::catch_unwind(|| Fd::default().derivative(&Domain, 1e4));
    assert!(panicked.is_err());
    assert!(relative(prepared.derivative(3.0).unwrap(), 6.0) < 1e-12);
}

#[test]
fn values_that_are_not_finite_have_no_derivative_and_spoil_no_other() {
    function!(Partly: 1 => 3, |x, y| {
        y[0] = x[0].sin();
        y[1] = x[0].recip();
        y[2] = (x[0] - 1.0).ln();
    });
    let (y, jacobian, error) = Fd::default().value_jacobian_and_error(&Partly, &[0.0]).unwrap();
    assert!(relative(jacobian[(0, 0)], 1.0) < 1e-12 && error[(0, 0)] < 1e-11);
    assert!(y[1].is_infinite() && jacobian[(1, 0)].is_nan() && error[(1, 0)].is_nan());
    assert!(y[2].is_nan() && jacobian[(2, 0)].is_nan());
    let error = Fd::default().jacobian(&Product, &[1.0, f64::NAN, 0.0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "backend `fd` has no accurate derivative with respect to input 1: the point itself is not \
         finite there"
    );
}

#[test]
fn is_linear_in_the_tangent_whatever_its_length() {
    let (fd, x) = (Fd::default(), [1.5, -0.7, 0.3]);
    let j = product_jacobian(&x);
    let apply = |v: &[f64]| [0, 1].map(|i| (0..3).map(|k| j[i][k] * v[k]).sum::<f64>());
    for scale in [1e-300, 1e-150, 1e-6, 1.0, 1e6, 1e150, 1e300] {
        for v in [[1.0, 2.0, -3.0], [0.0, 1.0, 0.0], [1e-9, 1.0, 1.0], [1.0, 0.0, 1e-12]] {
            let v = v.map(|v| v * scale);
            let (found, expected) = (fd.pushforward(&Product, &x, &v).unwrap(), apply(&v));
            for i in 0..2 {
                assert!(
                    (found[i] - expected[i]).abs() <= 1e-11 * scale * 5.0,
                    "scale {scale:e}, {v:?}, output {i}: {} not {}",
                    found[i],
                    expected[i]
                );
            }
        }
    }
    // A power of two changes no bit.
    let one = fd.pushforward(&Product, &x, &[1.0, 2.0, -3.0]).unwrap();
    let four = fd.pushforward(&Product, &x, &[4.0, 8.0, -12.0]).unwrap();
    assert_eq!(one * 4.0, four);
    assert_eq!(fd.pushforward(&Product, &x, &[0.0; 3]).unwrap().as_slice(), [0.0; 2]);
}

#[test]
fn several_tangents_are_independent() {
    let (fd, x) = (Fd::default(), [1.5, -0.7, 0.3]);
    let tangents = [1.0, 2.0, -3.0, 0.0, 0.0, 0.0, -1.0, 0.5, 0.0];
    let (mut y, mut y_dot) = ([0.0; 2], [f64::NAN; 6]);
    fd.pushforward_sweep(&Product, &x, &tangents, &mut y, &mut y_dot).unwrap();
    for (v, out) in tangents.chunks(3).zip(y_dot.chunks(2)) {
        assert_eq!(fd.pushforward(&Product, &x, v).unwrap().as_slice(), out);
    }
}

#[test]
fn outputs_of_very_different_scale_and_speed_each_have_their_step() {
    function!(Mixed: 2 => 5, |x, y| {
        y[0] = x[0].sin() * 1e-9;
        y[1] = x[1].exp() * x[0] * 1e6;
        y[2] = (x[0] * 1e5).sin() * 1e-3;
        y[3] = S::from(7.0);
        y[4] = (x[1] * 1e-4).sin() + 3.0;
    });
    let x = [0.8, 1.3];
    let (_, jacobian, error) = Fd::default().value_jacobian_and_error(&Mixed, &x).unwrap();
    let exact = [
        [0.8f64.cos() * 1e-9, 0.0],
        [1.3f64.exp() * 1e6, 1.3f64.exp() * 0.8e6],
        [8e4f64.cos() * 1e2, 0.0],
        [0.0, 0.0],
        [0.0, 1.3e-4f64.cos() * 1e-4],
    ];
    for (i, row) in exact.iter().enumerate() {
        for (k, &exact) in row.iter().enumerate() {
            let (found, estimate) = (jacobian[(i, k)], error[(i, k)]);
            // Output 4 has 3/1e-4 times more round-off.
            let tolerance = [1e-11, 1e-11, 1e-9, 0.0, 1e-9][i];
            assert!(relative(found, exact) <= tolerance, "({i}, {k}): {found:e} not {exact:e}");
            assert!((found - exact).abs() <= estimate, "({i}, {k}): {estimate:e}");
        }
    }
}

#[test]
fn empty_functions_have_empty_derivatives() {
    function!(NoInputs: 0 => 2, |_x, y| { y.fill(S::from(1.0)); });
    function!(NoOutputs: 2 => 0, |_x, _y| {});
    let fd = Fd::default();
    assert_eq!(fd.jacobian(&NoInputs, &[]).unwrap().shape(), (2, 0));
    assert_eq!(fd.jacobian(&NoOutputs, &[1.0, 2.0]).unwrap().shape(), (0, 2));
    assert_eq!(fd.pullback(&NoOutputs, &[1.0, 2.0], &[]).unwrap().as_slice(), [0.0; 2]);
    assert_eq!(fd.pushforward(&NoInputs, &[], &[]).unwrap().as_slice(), [0.0; 2]);
    let (y, jacobian, error) = fd.value_jacobian_and_error(&NoInputs, &[]).unwrap();
    assert_eq!((y.len(), jacobian.shape(), error.shape()), (2, (2, 0), (2, 0)));
}

#[test]
fn errors_along_a_tangent_cover_the_truth() {
    let x = [1.5, -0.7, 0.3];
    let (_, y_dot, error) =
        Fd::default().value_pushforward_and_error(&Product, &x, &[1e3, 2e3, -1e3]).unwrap();
    for (i, row) in product_jacobian(&x).iter().enumerate() {
        let exact = 1e3 * row[0] + 2e3 * row[1] - 1e3 * row[2];
        assert!((y_dot[i] - exact).abs() <= error[i] && error[i] < 1e-8, "{y_dot} ± {error}");
    }
    assert!(Fd::default().value_pushforward_and_error(&Product, &x, &[1.0]).is_err());
}

#[test]
fn noise_that_the_function_states_makes_longer_steps() {
    /// `exp` with values good to 1e-7 only.
    #[derive(Debug, Clone)]
    struct Rough(f64);
    impl Function for Rough {
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
            // Noise between -1 and 1 from the digits of x: the same again at the same point.
            let digits = x[0].primal().to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
            let noise = 1e-7 * (f64::from(u32::try_from(digits).unwrap()) / 2f64.powi(30) - 1.0);
            y[0] = x[0].exp() * (1.0 + noise);
            Ok(())
        }
        fn precision(&self) -> f64 {
            self.0
        }
    }
    for x in [0.3, 1.0, 2.0] {
        let (_, d, e) = Fd::default().value_jacobian_and_error(&Rough(1e-7), &[x]).unwrap();
        let error = relative(d[(0, 0)], x.exp());
        assert!(error < 3e-5 && (d[(0, 0)] - x.exp()).abs() < e[(0, 0)], "{x}: {error:e}");
        // Not stated, it is found from the differences, if less well.
        let error = relative(Fd::default().derivative(&Rough(0.0), x).unwrap(), x.exp());
        assert!(error < 1e-3, "{x}: {error:e}");
    }
}

#[test]
fn composes_with_itself_by_name() {
    let pair = HigherOrder::new(Fd::default(), Fd::default().order(8).unwrap());
    let second = pair.second_derivative(&Logarithm, 2.0).unwrap();
    assert!(relative(second, -0.25) < 1e-8, "{second}");
}

#[test]
fn a_jump_beside_the_point_is_an_error_and_not_a_number() {
    function!(Jump: 1 => 1, |x, y| {
        y[0] = if x[0] > 1.0 { x[0] + 1.0 } else { x[0] };
    });
    let error = Fd::default().derivative(&Jump, 1.0).unwrap_err();
    assert!(matches!(error, AdError::Inaccurate { input: 0, .. }), "{error}");
    assert!(error.to_string().contains("estimated error"), "{error}");
    // Away from it the derivative is found, however close.
    for x in [0.9, 1.0 - 1e-6, 1.0 + 1e-6, 1.0 + 1e-9] {
        let error = relative(Fd::default().derivative(&Jump, x).unwrap(), 1.0);
        assert!(error < 1e-6, "{x}: {error:e}");
    }
}

#[test]
fn outputs_without_weight_may_be_rough() {
    function!(Rough: 1 => 2, |x, y| {
        y[0] = x[0].sin();
        y[1] = if x[0] > 1.0 { S::from(1.0) } else { S::from(0.0) };
    });
    assert!(Fd::default().jacobian(&Rough, &[1.0]).is_err());
    let gradient = Fd::default().pullback(&Rough, &[1.0], &[2.0, 0.0]).unwrap();
    assert!(relative(gradient[0], 2.0 * 1f64.cos()) < 1e-12);
}
