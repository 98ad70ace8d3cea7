//! What a chunk of tangents costs, in evaluations of the plain function: `dual` beside num-dual.
//!
//! `cargo run --release -p ad-dual --example cost`

use std::hint::black_box;
use std::time::Instant;

use ad_api::Scalar;
use ad_dual::DualNumber;
use num_dual::DualNum;

/// The extended Rosenbrock function, one valley for each neighbouring pair.
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

fn rosenbrock<S: Scalar>(x: &[S]) -> S {
    rosenbrock!(x, S::from(0.0))
}

fn rosenbrock_num_dual<D: DualNum<Primitive = f64> + Copy>(x: &[D]) -> D {
    rosenbrock!(x, D::from(0.0))
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

fn report(name: &str, lanes: usize, primal: f64, chunk: f64) {
    let ratio = chunk / primal;
    println!("{name:10} {lanes:3} {ratio:8.2} {:8.2}", ratio / lanes as f64);
}

fn dual<const N: usize>(x: &[f64], primal: f64) {
    let x: Vec<_> = x.iter().map(|&x| DualNumber::new(x, [1.0; N])).collect();
    report("dual", N, primal, seconds(|| rosenbrock(black_box(&x))));
}

fn num_dual<const N: usize>(x: &[f64], primal: f64) {
    let tangents = || num_dual::Derivative::some(nalgebra::SVector::<f64, N>::repeat(1.0));
    let x: Vec<_> = x.iter().map(|&x| num_dual::DualSVec64::new(x, tangents())).collect();
    report("num-dual", N, primal, seconds(|| rosenbrock_num_dual(black_box(&x))));
}

fn main() {
    let x: Vec<f64> = (0..1000).map(|i| 0.5 + f64::from(i) * 1e-3).collect();
    let primal = seconds(|| rosenbrock(black_box(&x)));
    println!("Rosenbrock, n = 1000; one plain evaluation: {:.2} us", primal * 1e6);
    println!("type       lanes chunk/primal, per tangent");
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
