//! Array programs through all 25 pairs of engines, alone and to second order; scalar programs through
//! triples.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use ad_api::array::{Array, ArrayFunction, Dims, Flat, Tensor};
use ad_api::{Backend, Differentiate, Failure, Function, HigherOrder, Scalar};
use ad_burn::{Burn, Precision};
use ad_candle::Candle;
use ad_dual::Dual;
use ad_fd::Fd;
use ad_native_reverse::NativeReverse;

/// The loss of a network `3 → 4 → 2` on two points, as a function of its weights and biases.
#[derive(Clone)]
struct Loss;

impl ArrayFunction for Loss {
    fn inputs(&self) -> Vec<Dims> {
        vec![[3, 4].into(), [4].into(), [4, 2].into(), [2].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let [w, b, v, c] = x else { unreachable!("inputs are checked") };
        let points = w.constant([2, 3], &[0.3, -0.7, 1.1, 0.9, 0.2, -0.4]);
        let hidden = (points.matmul(w) + b).tanh();
        let scores = hidden.matmul(v) + c;
        let loss = scores.log_sum_exp(&[1]) - scores.slice_axis(1, 0..1).squeeze(1);
        Ok(vec![loss.mean_all() + 0.1 * w.square().sum_all().sqrt()])
    }
}

/// Most of the other operations, away from kinks.
#[derive(Clone)]
struct Mixture;

impl ArrayFunction for Mixture {
    fn inputs(&self) -> Vec<Dims> {
        vec![[2, 3].into(), [3].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![[2].into(), Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let (a, b) = (&x[0], &x[1]);
        let chosen = a.gt(0.0).select(&a.exp(), &(a * b).sin());
        let joined = Array::concat(&[chosen.relu(), b.softplus().unsqueeze(0)], 0);
        let picked = joined.index_select(0, vec![2, 0, 0, 1]).transpose();
        let scattered = picked.scatter_add(1, vec![1, 1, 0, 2], 3).permute(&[1, 0]);
        let ratio = scattered / (b.square() + 1.0);
        let powers = (a.abs() + 0.5).pow(&b.broadcast_to([2, 3])).powf(1.5).sigmoid();
        let rows = (powers + ratio.slice(&[0..2, 0..3]).atan2(&b.cosh())).sum(&[1]);
        let rest = a.maximum(b).erf().mean_all() + ratio.max(&[0]).norm() + b.log_sum_exp(&[0]);
        Ok(vec![rows, rest + a.hypot(b).ln_1p().sum_all()])
    }
}

/// Some point, the same for everyone.
fn point(n: usize, seed: f64) -> Vec<f64> {
    (0..n).map(|i| ((i as f64 + 1.0) * 1.618 + seed).sin() * 0.9 + 0.05).collect()
}

fn close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    let scale = expected.iter().fold(1.0_f64, |scale, x| scale.max(x.abs()));
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}: [{i}] is {a:e}, expected {b:e}");
    }
}

/// First and second derivatives of both programs by `outer` over `inner`, against dual numbers over
/// dual numbers in host arrays.
fn check<O: Backend, I: Backend>(outer: O, inner: I, first: f64, second: f64) {
    let pair = HigherOrder::new(outer, inner);
    let reference = HigherOrder::new(Dual::default(), Dual::default());
    let name = ad_api::Engine::name(&pair);

    let loss = Flat::new(Loss);
    let (x, v) = (point(loss.inputs(), 0.3), point(loss.inputs(), 2.0));
    let (value, gradient, product) = pair.value_gradient_and_hvp(&loss, &x, &v).unwrap();
    let expected = reference.value_gradient_and_hvp(&loss, &x, &v).unwrap();
    close(&format!("{name}: value"), &[value], &[expected.0], first);
    close(&format!("{name}: gradient"), gradient.as_slice(), expected.1.as_slice(), first);
    close(&format!("{name}: hvp"), product.as_slice(), expected.2.as_slice(), second);

    let mixture = Flat::new(Mixture);
    let (x, w) = (point(mixture.inputs(), 1.0), point(mixture.outputs(), 0.5));
    let jacobian = pair.jacobian(&mixture, &x).unwrap();
    let expected = reference.jacobian(&mixture, &x).unwrap();
    close(&format!("{name}: jacobian"), jacobian.as_slice(), expected.as_slice(), first);
    let hessian = pair.weighted_hessian(&mixture, &x, &w).unwrap();
    let expected = reference.weighted_hessian(&mixture, &x, &w).unwrap();
    close(&format!("{name}: hessian"), hessian.as_slice(), expected.as_slice(), second);

    let (y, operator) = pair.linearize(&mixture, &x).unwrap();
    close(&format!("{name}: linearize"), y.as_slice(), &mixture_value(&x), first);
    let expected = expected_products(&reference, &mixture, &x, &w);
    let pulled = ad_api::LinearOperator::apply_transpose(&operator, &w).unwrap();
    close(&format!("{name}: operator"), pulled.as_slice(), &expected, first);
}

fn mixture_value(x: &[f64]) -> Vec<f64> {
    let mut y = vec![0.0; 3];
    Flat::new(Mixture).eval(x, &mut y).unwrap();
    y
}

fn expected_products<B: Backend, F: Function>(
    backend: &B,
    f: &F,
    x: &[f64],
    w: &[f64],
) -> Vec<f64> {
    backend.pullback(f, x, w).unwrap().as_slice().to_vec()
}

macro_rules! pairs {
    ($($name:ident: $outer:expr, $inner:expr, $first:expr, $second:expr;)*) => {$(
        #[test]
        fn $name() {
            check($outer, $inner, $first, $second);
        }
    )*};
}

// Where finite differences are inside, the outer engine sees their rounding.
pairs! {
    dual_over_dual: Dual::default(), Dual::default(), 1e-12, 1e-11;
    dual_over_reverse: Dual::default(), NativeReverse::default(), 1e-12, 1e-11;
    dual_over_fd: Dual::default(), Fd::default(), 1e-9, 1e-7;
    dual_over_burn: Dual::default(), Burn::cpu(), 1e-12, 1e-11;
    dual_over_candle: Dual::default(), Candle::cpu(), 1e-12, 1e-11;
    reverse_over_dual: NativeReverse::default(), Dual::default(), 1e-12, 1e-11;
    reverse_over_reverse: NativeReverse::default(), NativeReverse::default(), 1e-12, 1e-11;
    reverse_over_fd: NativeReverse::default(), Fd::default(), 1e-9, 1e-7;
    reverse_over_burn: NativeReverse::default(), Burn::cpu(), 1e-12, 1e-11;
    reverse_over_candle: NativeReverse::default(), Candle::cpu(), 1e-12, 1e-11;
    fd_over_dual: Fd::default(), Dual::default(), 1e-12, 1e-8;
    fd_over_reverse: Fd::default(), NativeReverse::default(), 1e-12, 1e-8;
    fd_over_fd: Fd::default(), Fd::default(), 1e-9, 1e-5;
    fd_over_burn: Fd::default(), Burn::cpu(), 1e-12, 1e-8;
    fd_over_candle: Fd::default(), Candle::cpu(), 1e-12, 1e-8;
    burn_over_dual: Burn::cpu(), Dual::default(), 1e-12, 1e-11;
    burn_over_reverse: Burn::cpu(), NativeReverse::default(), 1e-12, 1e-11;
    burn_over_fd: Burn::cpu(), Fd::default(), 1e-9, 1e-7;
    burn_over_burn: Burn::cpu(), Burn::cpu(), 1e-12, 1e-11;
    burn_over_candle: Burn::cpu(), Candle::cpu(), 1e-12, 1e-11;
    candle_over_dual: Candle::cpu(), Dual::default(), 1e-12, 1e-11;
    candle_over_reverse: Candle::cpu(), NativeReverse::default(), 1e-12, 1e-11;
    candle_over_fd: Candle::cpu(), Fd::default(), 1e-9, 1e-7;
    candle_over_burn: Candle::cpu(), Burn::cpu(), 1e-12, 1e-11;
    candle_over_candle: Candle::cpu(), Candle::cpu(), 1e-12, 1e-11;
    burn_f32_over_candle_f32: Burn::cpu().precision(Precision::F32),
        Candle::cpu().precision(ad_candle::Precision::F32), 1e-5, 1e-5;
}

/// `sin(x²) eˣ`, with the third derivative found by hand.
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
        y[0] = (x[0] * x[0]).sin() * x[0].exp();
        Ok(())
    }
}

/// Three levels: `a` over `b` over `c`.
fn third<A: Backend, B: Backend, C: Backend>(a: A, b: B, c: C) {
    let triple = HigherOrder::new(a, HigherOrder::new(b, c));
    let x = 0.7_f64;
    let (s, c) = ((x * x).sin(), (x * x).cos());
    let first = 2.0 * x * c;
    let second = 2.0 * c - 4.0 * x * x * s;
    let thrice = -12.0 * x * s - 8.0 * x.powi(3) * c;
    let expected = x.exp() * (s + 3.0 * first + 3.0 * second + thrice);
    let found = triple.third_derivative(&Wave, x).unwrap();
    let name = ad_api::Engine::name(&triple);
    assert!((found - expected).abs() <= 1e-11 * expected.abs(), "{name}: {found}, not {expected}");
}

#[test]
fn triples() {
    let (dual, reverse) = (Dual::default, NativeReverse::default);
    third(dual(), reverse(), Burn::cpu());
    third(dual(), Burn::cpu(), reverse());
    third(Burn::cpu(), dual(), reverse());
    third(Burn::cpu(), Burn::cpu(), Burn::cpu());
    third(Candle::cpu(), Candle::cpu(), Candle::cpu());
    third(Burn::cpu(), Candle::cpu(), dual());
    third(reverse(), Candle::cpu(), Burn::cpu());
    third(Candle::cpu(), reverse(), Burn::cpu());
}
