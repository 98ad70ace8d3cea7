//! What a chunk of tangents costs, in evaluations of the plain function: `dual` beside num-dual.
//!
//! `cargo run --release -p ad-dual --example cost`

use std::hint::black_box;
use std::time::Instant;

use ad_api::Scalar;
use ad_dual::DualNumber;
use num_dual::DualNum;

/// The Rosenbrock function, one valley for each neighbouring pair: products and sums only.
macro_rules! rosenbrock {
    ($x:expr, $zero:expr) => {{
        let mut sum = $zero;
        for pair in $x.windows(2) {
            let (valley, slope) = (pair[1] - pair[0] * pair[0], pair[0] - 1.0);
            sum += valley * valley * 100.0 + slope * slope;
        }
        sum
    }};
}

/// A layer of neurons with two inputs each: one `tanh` for a few products.
macro_rules! neurons {
    ($x:expr, $zero:expr) => {{
        let mut sum = $zero;
        for pair in $x.windows(2) {
            sum += (pair[0] * 0.3 + pair[1] * 0.7 + 0.1).tanh() * pair[1];
        }
        sum
    }};
}

fn rosenbrock<S: Scalar>(x: &[S]) -> S {
    rosenbrock!(x, S::from(0.0))
}

fn rosenbrock_num_dual<D: DualNum<Primitive = f64> + Copy>(x: &[D]) -> D {
    rosenbrock!(x, D::from(0.0))
}

fn neurons<S: Scalar>(x: &[S]) -> S {
    neurons!(x, S::from(0.0))
}

fn neurons_num_dual<D: DualNum<Primitive = f64> + Copy>(x: &[D]) -> D {
    neurons!(x, D::from(0.0))
}

/// The least time of a call in seconds, over many slices of time.
fn seconds<R>(mut call: impl FnMut() -> R) -> f64 {
    const CALLS: u32 = 50;
    (0..200)
        .map(|_| {
            let start = Instant::now();
            (0..CALLS).for_each(|_| drop(black_box(call())));
            start.elapsed().as_secs_f64() / f64::from(CALLS)
        })
        .fold(f64::INFINITY, f64::min)
}

/// Prints the cost of one evaluation with `lanes` tangents, in plain evaluations.
fn report(name: &str, lanes: usize, primal: [f64; 2], chunk: [f64; 2]) {
    let ratio = |i: usize| chunk[i] / primal[i];
    let per_tangent = |i: usize| ratio(i) / lanes as f64;
    println!(
        "| {name} | {lanes} | {:.1} | {:.2} | {:.1} | {:.2} |",
        ratio(0),
        per_tangent(0),
        ratio(1),
        per_tangent(1)
    );
}

fn dual<const N: usize>(x: &[f64], primal: [f64; 2]) {
    let x: Vec<_> = x.iter().map(|&x| DualNumber::new(x, [1.0; N])).collect();
    let chunk = [seconds(|| rosenbrock(black_box(&x))), seconds(|| neurons(black_box(&x)))];
    report("DualNumber", N, primal, chunk);
}

fn num_dual<const N: usize>(x: &[f64], primal: [f64; 2]) {
    let tangents = || num_dual::Derivative::some(nalgebra::SVector::<f64, N>::repeat(1.0));
    let x: Vec<_> = x.iter().map(|&x| num_dual::DualSVec64::new(x, tangents())).collect();
    let chunk = [
        seconds(|| rosenbrock_num_dual(black_box(&x))),
        seconds(|| neurons_num_dual(black_box(&x))),
    ];
    report("DualSVec64", N, primal, chunk);
}

fn main() {
    let x: Vec<f64> = (0..1000).map(|i| 0.5 + f64::from(i) * 1e-3).collect();
    let primal = [seconds(|| rosenbrock(black_box(&x))), seconds(|| neurons(black_box(&x)))];
    let [products, tanh] = primal.map(|seconds| seconds * 1e6);
    println!("n = 1000; one plain evaluation: products {products:.2} us, tanh {tanh:.2} us");
    println!("| number | tangents | products | per tangent | tanh | per tangent |");
    println!("|---|---|---|---|---|---|");
    dual::<1>(&x, primal);
    dual::<2>(&x, primal);
    dual::<3>(&x, primal);
    dual::<4>(&x, primal);
    dual::<8>(&x, primal);
    dual::<16>(&x, primal);
    num_dual::<1>(&x, primal);
    num_dual::<4>(&x, primal);
    num_dual::<8>(&x, primal);
    num_dual::<16>(&x, primal);
}
