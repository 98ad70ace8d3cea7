//! What the interface adds to the bare engines: the same computation through `Prepared`, and
//! written out against the number types.
#![allow(clippy::unwrap_used, reason = "an error ends the bench")]

use ad::AnyBackend;
use ad_api::{Backend, Function, Prepared, Pullback};
use ad_benches::Rosenbrock;
use ad_dual::{Dual, DualNumber};
use ad_native_reverse::NativeReverse;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
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

/// The gradient through the preparation of a backend.
fn interface<B: Backend>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    backend: &B,
    (f, x): (&Rosenbrock, &[f64]),
) {
    let mut gradient = vec![0.0; x.len()];
    let mut prepared = backend.prepare(f, x).unwrap();
    group.bench_function(name, |b| {
        b.iter(|| prepared.value_and_gradient_into(black_box(x), &mut gradient));
    });
}

fn all(criterion: &mut Criterion) {
    let f = Rosenbrock::new(1000);
    let x = f.point();
    let mut gradient = vec![0.0; x.len()];
    let mut group = criterion.benchmark_group("overhead_rosenbrock_1000");

    let (dual, mut input) = (Dual::default().chunk(LANES).unwrap(), Vec::new());
    group.bench_function("dual/bare", |b| {
        b.iter(|| bare_gradient(&f, black_box(&x), &mut input, &mut gradient));
    });
    interface(&mut group, "dual/prepared", &dual, (&f, &x));
    interface(&mut group, "dual/any", &AnyBackend::from(dual), (&f, &x));

    // The sweep of the tape is its bare form: nothing of it is public below.
    let (tape, mut y) = (NativeReverse::default(), [0.0]);
    group.bench_function("native-reverse/bare", |b| {
        b.iter(|| tape.pullback_sweep(&f, black_box(&x), &[1.0], &mut y, &mut gradient));
    });
    interface(&mut group, "native-reverse/prepared", &tape, (&f, &x));
    interface(&mut group, "native-reverse/any", &AnyBackend::from(tape), (&f, &x));
    group.finish();
}

criterion_group!(benches, all);
criterion_main!(benches);
