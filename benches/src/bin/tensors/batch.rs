//! A hundred thousand gradients: in a loop, and in one pass.

use std::error::Error;
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

/// The points of a pass where the arrays of a pass are to fit into a cache.
const BLOCK: usize = 2000;

pub(crate) fn table() -> Outcome {
    println!("ns of a gradient of the chained Rosenbrock function at each of {POINTS} points\n");
    println!("| variables | backend | one by one | in one pass | in passes of {BLOCK} |");
    println!("|---|---|---|---|---|");
    let ns = |seconds: f64| seconds * 1e9 / POINTS as f64;
    for n in [2, 10] {
        let points = Generator::new(6).vector(POINTS * n, -2.0, 2.0);
        println!("| {n} | dual | {:.0} | | |", ns(in_a_loop(&Dual::default(), &points, n)?));
        let tape = NativeReverse::default();
        let alone = in_a_loop(&tape, &points, n)?;
        let [whole, blocks] = in_passes(&tape, &points, n)?.map(ns);
        println!("| {n} | native-reverse | {:.0} | {whole:.0} | {blocks:.0} |", ns(alone));
        let [whole, blocks] = in_passes(&Burn::cpu(), &points, n)?.map(ns);
        println!("| {n} | burn | | {whole:.0} | {blocks:.0} |");
        let [whole, blocks] = in_passes(&Candle::cpu(), &points, n)?.map(ns);
        println!("| {n} | candle | | {whole:.0} | {blocks:.0} |");
    }
    Ok(())
}

fn in_a_loop<B: Backend>(backend: &B, points: &[f64], n: usize) -> Result<f64, Box<dyn Error>> {
    let mut prepared = backend.prepare(&Rosenbrock::new(n), &points[..n])?;
    let mut gradients = vec![0.0; points.len()];
    let [seconds] = race([&mut || {
        for (x, gradient) in points.chunks(n).zip(gradients.chunks_mut(n)) {
            drop(black_box(prepared.value_and_gradient_into(black_box(x), gradient)));
        }
    }]);
    Ok(seconds)
}

/// All points at once, and block after block.
fn in_passes<B: ArrayBackend>(
    engine: &B,
    points: &[f64],
    n: usize,
) -> Result<[f64; 2], Box<dyn Error>> {
    let batch = Batch::new(engine.clone(), Rosenbrock::new(n));
    let device = engine.device()?;
    let whole = Array::from_host(&device, [POINTS, n], points);
    let blocks: Vec<_> = points
        .chunks(BLOCK * n)
        .map(|points| Array::from_host(&device, [BLOCK, n], points))
        .collect();
    let found = batch.value_and_gradient(&whole)?.1.slice(&[0..1, 0..n]).to_vec()?;
    let mut expected = vec![0.0; n];
    let mut dual = Dual::default().prepare(&Rosenbrock::new(n), &points[..n])?;
    dual.value_and_gradient_into(&points[..n], &mut expected)?;
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found}, {expected}");
    }
    Ok(race([&mut || drop(black_box(batch.value_and_gradient(black_box(&whole)))), &mut || {
        let gradients = blocks.iter().map(|x| batch.value_and_gradient(black_box(x)));
        drop(black_box(gradients.collect::<Vec<_>>()));
    }]))
}
