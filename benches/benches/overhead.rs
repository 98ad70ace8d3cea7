//! What the interface adds to the bare engines: the same computation through `Prepared`, and
//! written out against the number types.
#![allow(clippy::unwrap_used, reason = "an error ends the bench")]

use ad_api::{Backend, Function, Prepared};
use ad_benches::Rosenbrock;
use ad_dual::{Dual, DualNumber};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const LANES: usize = 8;

/// A gradient by dual numbers with nothing in between: seeds move through one buffer.
fn bare_gradient(
    f: &Rosenbrock,
    x: &[f64],
    input: &mut Vec<DualNumber<f64, LANES>>,
    gradient: &mut [f64],
) {
    input.clear();
    input.extend(x.iter().map(|&x| DualNumber::new(x, [0.0; LANES])));
    for first in (0..x.len()).step_by(LANES) {
        let count = LANES.min(x.len() - first);
        (0..count).for_each(|k| input[first + k].eps[k] = 1.0);
        let mut y = [DualNumber::new(0.0, [0.0; LANES])];
        f.eval(input, &mut y).unwrap();
        gradient[first..first + count].copy_from_slice(&y[0].eps[..count]);
        (0..count).for_each(|k| input[first + k].eps[k] = 0.0);
    }
}

fn dual(criterion: &mut Criterion) {
    let f = Rosenbrock::new(1000);
    let x = f.point();
    let mut gradient = vec![0.0; x.len()];
    let mut group = criterion.benchmark_group("overhead_rosenbrock_1000");
    let mut input = Vec::new();
    group.bench_function("dual/bare", |b| {
        b.iter(|| bare_gradient(&f, black_box(&x), &mut input, &mut gradient));
    });
    let mut prepared = Dual::default().chunk(LANES).unwrap().prepare(&f, &x).unwrap();
    group.bench_function("dual/interface", |b| {
        b.iter(|| prepared.value_and_gradient_into(black_box(&x), &mut gradient));
    });
    group.finish();
}

criterion_group!(benches, dual);
criterion_main!(benches);
