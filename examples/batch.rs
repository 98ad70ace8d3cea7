//! Can a function of a few numbers, with a branch, be differentiated at 10⁵ points in one pass?
//!
//! The pressure that a pipe loses, as a function of velocity, diameter and roughness: laminar flow
//! below a Reynolds number of 2300, turbulent above. Written for one pipe, run for all of them on a
//! tensor library, and compared with the native engine in a loop, pipe by pipe.
//!
//! ```text
//! cargo run --release --example batch --features burn,candle
//! ```

use std::time::Instant;

use ad::array::{Array, ArrayBackend, Batch, Tensor};
use ad::prelude::*;
use anyhow::ensure;

const PIPES: usize = 100_000;
/// The direction of the Hessian-vector products.
const DIRECTION: [f64; 3] = [1.0, 0.1, 1e-4];

/// `(v, d, k) ↦ f ρ v²/(2 d)`, the pressure lost for each metre, in Pa, for water.
///
/// Friction factor `f`: `64/Re` of laminar flow, and S. E. Haaland, *Simple and explicit formulas for
/// the friction factor in turbulent pipe flow*, J. Fluids Eng. 105, 1983.
#[derive(Clone)]
struct PressureLoss;

impl Function for PressureLoss {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let [velocity, diameter, roughness] = [x[0], x[1], x[2]];
        let reynolds = velocity * diameter / 1e-6;
        let friction = if reynolds < 2300.0 {
            reynolds.recip() * 64.0
        } else {
            let rough = (roughness / diameter / 3.7).powf(S::from(1.11));
            let root = (rough + reynolds.recip() * 6.9).log10() * -1.8;
            (root * root).recip()
        };
        y[0] = friction * velocity * velocity * 500.0 / diameter;
        Ok(())
    }
}

/// Velocities from 1 mm/s to 10 m/s, diameters from 1 to 20 cm, roughness from 1 to 100 µm.
fn pipes() -> Vec<f64> {
    let spread = |i: usize, step: f64| (i as f64 * step).fract();
    let pipe = |i: usize| {
        let (v, d, k) = (spread(i, 0.754_877), spread(i, 0.569_840), spread(i, 0.430_159));
        [10f64.powf(4.0 * v - 3.0), 0.01 + 0.19 * d, 10f64.powf(2.0 * k - 6.0)]
    };
    (1..=PIPES).flat_map(pipe).collect()
}

/// Values, gradients and Hessian-vector products, pipe after pipe, and the seconds that they took.
struct Found {
    parts: [Vec<f64>; 3],
    seconds: [f64; 3],
}

/// One pipe after another.
fn in_a_loop(points: &[f64]) -> Result<Found, AdError> {
    let backend = HigherOrder::new(Dual::default(), NativeReverse::default());
    let mut prepared = backend.prepare(&PressureLoss, &points[..3])?;
    let mut parts = [vec![0.0; PIPES], vec![0.0; points.len()], vec![0.0; points.len()]];
    let mut seconds = [0.0; 3];

    let start = Instant::now();
    for (x, value) in points.chunks(3).zip(parts[0].chunks_mut(1)) {
        prepared.value_into(x, value)?;
    }
    seconds[0] = start.elapsed().as_secs_f64();

    let start = Instant::now();
    for (x, gradient) in points.chunks(3).zip(parts[1].chunks_mut(3)) {
        prepared.value_and_gradient_into(x, gradient)?;
    }
    seconds[1] = start.elapsed().as_secs_f64();

    let mut gradient = [0.0; 3];
    let start = Instant::now();
    for (x, product) in points.chunks(3).zip(parts[2].chunks_mut(3)) {
        prepared.value_gradient_and_hvp_into(x, &DIRECTION, &mut gradient, product)?;
    }
    seconds[2] = start.elapsed().as_secs_f64();
    Ok(Found { parts, seconds })
}

/// All pipes at once.
fn in_one_pass<B: ArrayBackend>(engine: &B, points: &[f64]) -> Result<(Found, usize), AdError> {
    let batch = Batch::new(engine.clone(), PressureLoss);
    let x: Array<B::Tensor> = Array::from_host(&engine.device()?, [PIPES, 3], points);
    let v = x.constant([3], &DIRECTION).broadcast_to([PIPES, 3]);
    // Records both branches; later calls find them.
    batch.value_gradient_and_hvp(&x, &v)?;

    let (mut seconds, mut start) = ([0.0; 3], Instant::now());
    let values = batch.value(&x)?.to_vec()?;
    seconds[0] = start.elapsed().as_secs_f64();

    start = Instant::now();
    let gradients = batch.value_and_gradient(&x)?.1.to_vec()?;
    seconds[1] = start.elapsed().as_secs_f64();

    start = Instant::now();
    let products = batch.value_gradient_and_hvp(&x, &v)?.2.to_vec()?;
    seconds[2] = start.elapsed().as_secs_f64();
    Ok((Found { parts: [values, gradients, products], seconds }, batch.paths()))
}

/// The largest error of the results of a pipe, as a fraction of the largest of them.
fn error(found: &[f64], expected: &[f64]) -> f64 {
    let width = expected.len() / PIPES;
    let largest = |row: &mut dyn Iterator<Item = f64>| {
        row.fold(0.0, |largest, x| if x.abs() <= largest { largest } else { x.abs() })
    };
    let rows = found.chunks(width).zip(expected.chunks(width));
    largest(&mut rows.map(|(a, b)| {
        largest(&mut a.iter().zip(b).map(|(a, b)| a - b)) / largest(&mut b.iter().copied())
    }))
}

fn report<B: ArrayBackend>(engine: &B, points: &[f64], expected: &Found) -> anyhow::Result<()> {
    let (found, paths) = in_one_pass(engine, points)?;
    let device = engine.device()?;
    let unit = B::Tensor::precision(&device);
    println!("\n{} on {device:?}: {paths} paths through the function", engine.name());
    let names = ["value", "gradient", "Hessian-vector product"];
    for (i, name) in names.into_iter().enumerate() {
        let error = error(&found.parts[i], &expected.parts[i]);
        let ns = found.seconds[i] * 1e9 / PIPES as f64;
        println!("{name:<24} {ns:>8.0} ns a pipe, error {error:.1e}");
        // The second derivatives of laminar flow are what is left of terms a thousand times as large.
        ensure!(error < 1e5 * unit, "{name} is wrong: {error:e}");
    }
    ensure!(paths == 2, "expected the two branches, found {paths} paths");
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let points = pipes();
    let laminar = points.chunks(3).filter(|x| x[0] * x[1] / 1e-6 < 2300.0).count();
    println!("{PIPES} pipes, {laminar} of them laminar\n");

    let expected = in_a_loop(&points)?;
    println!("dual/native-reverse in a loop");
    let names = ["value", "gradient", "Hessian-vector product"];
    for (name, seconds) in names.into_iter().zip(expected.seconds) {
        println!("{name:<24} {:>8.0} ns a pipe", seconds * 1e9 / PIPES as f64);
    }
    // Of laminar flow the gradient is known: the pressure lost is 32 µ v/d².
    for (x, gradient) in points.chunks(3).zip(expected.parts[1].chunks(3)) {
        let slope = 32e-3 / (x[1] * x[1]);
        let known = [slope, -2.0 * slope * x[0] / x[1], 0.0];
        let right = known.iter().zip(gradient).all(|(a, b)| (a - b).abs() <= 1e-13 * a.abs());
        ensure!(right || x[0] * x[1] / 1e-6 >= 2300.0, "the loop is wrong at {x:?}");
    }

    report(&Burn::cpu(), &points, &expected)?;
    report(&Candle::cpu(), &points, &expected)
}
