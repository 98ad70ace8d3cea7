//! A hundred thousand gradients: in a loop, and in one pass.

use std::hint::black_box;

use ad_api::array::{Array, ArrayBackend, Batch};
use ad_api::{Backend, Prepared};
use ad_benches::{Generator, Rosenbrock};
use ad_burn::Burn;
use ad_candle::Candle;
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;

use crate::{Outcome, race};

const POINTS: usize = 100_000;

pub(crate) fn table() -> Outcome {
    println!("ns of a gradient of the chained Rosenbrock function at each of {POINTS} points\n");
    println!(
        "| variables | dual, loop | native-reverse, loop | native-reverse, one pass | burn, one \
         pass | candle, one pass |"
    );
    println!("|---|---|---|---|---|---|");
    for n in [2, 10] {
        let points = Generator::new(6).vector(POINTS * n, -2.0, 2.0);
        let times = [
            in_a_loop(&Dual::default(), &points, n)?,
            in_a_loop(&NativeReverse::default(), &points, n)?,
            in_one_pass(&NativeReverse::default(), &points, n)?,
            in_one_pass(&Burn::cpu(), &points, n)?,
            in_one_pass(&Candle::cpu(), &points, n)?,
        ];
        let cells = times.map(|seconds| format!("{:.0}", seconds * 1e9 / POINTS as f64));
        println!("| {n} | {} |", cells.join(" | "));
    }
    Ok(())
}

fn in_a_loop<B: Backend>(
    backend: &B,
    points: &[f64],
    n: usize,
) -> Result<f64, Box<dyn std::error::Error>> {
    let mut prepared = backend.prepare(&Rosenbrock::new(n), &points[..n])?;
    let mut gradients = vec![0.0; points.len()];
    let [seconds] = race([&mut || {
        for (x, gradient) in points.chunks(n).zip(gradients.chunks_mut(n)) {
            drop(black_box(prepared.value_and_gradient_into(black_box(x), gradient)));
        }
    }]);
    Ok(seconds)
}

fn in_one_pass<B: ArrayBackend>(
    engine: &B,
    points: &[f64],
    n: usize,
) -> Result<f64, Box<dyn std::error::Error>> {
    let batch = Batch::new(engine.clone(), Rosenbrock::new(n));
    let x = Array::from_host(&engine.device()?, [POINTS, n], points);
    let found = batch.value_and_gradient(&x)?.1.slice(&[0..1, 0..n]).to_vec()?;
    let mut expected = vec![0.0; n];
    let mut dual = Dual::default().prepare(&Rosenbrock::new(n), &points[..n])?;
    dual.value_and_gradient_into(&points[..n], &mut expected)?;
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found}, {expected}");
    }
    let [seconds] = race([&mut || drop(black_box(batch.value_and_gradient(black_box(&x))))]);
    Ok(seconds)
}
