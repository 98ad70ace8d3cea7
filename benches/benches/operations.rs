//! What each operation costs on each backend, beside the plain `f64` primal.
//!
//! Divide by the `primal` row of the same group. Operations that a backend would take more than
//! about a second for are left out: forward mode and differences on a gradient of 10⁵ inputs.
#![allow(clippy::unwrap_used, reason = "an error ends the bench")]

use ad_api::{Backend, Function, HigherOrder, Prepared};
use ad_benches::{Gauss1, LotkaVolterra, Rosenbrock};
use ad_dual::{Dual, NumDual};
use ad_fd::Fd;
use ad_native_reverse::NativeReverse;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use nalgebra::DMatrix;
use std::hint::black_box;

/// The largest number of inputs for which whole rows or columns are computed.
#[derive(Clone, Copy)]
struct Limits {
    gradient: usize,
    jacobian: usize,
    hessian: usize,
}

const FORWARD: Limits = Limits { gradient: 1000, jacobian: 1000, hessian: 10 };
const REVERSE: Limits = Limits { gradient: 100_000, jacobian: 1000, hessian: 10 };

fn operations<B: Backend, F: Function>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    backend: &B,
    f: &F,
    x: &[f64],
    limits: Limits,
) {
    let (n, m, name) = (f.inputs(), f.outputs(), backend.name());
    let mut prepared = backend.prepare(f, x).unwrap();
    let (mut y, mut y_dot, mut x_bar) = (vec![0.0; m], vec![0.0; m], vec![0.0; n]);
    let (v, w) = (vec![1.0; n], vec![1.0; m]);
    group.bench_function(format!("pushforward/{name}"), |b| {
        b.iter(|| prepared.value_and_pushforward_into(black_box(x), &v, &mut y, &mut y_dot));
    });
    if n <= limits.gradient {
        let operation = if m == 1 { "gradient" } else { "pullback" };
        group.bench_function(format!("{operation}/{name}"), |b| {
            b.iter(|| prepared.value_and_pullback_into(black_box(x), &w, &mut y, &mut x_bar));
        });
    }
    if m > 1 && n <= limits.jacobian {
        let mut jacobian = DMatrix::zeros(m, n);
        group.bench_function(format!("jacobian/{name}"), |b| {
            b.iter(|| prepared.value_and_jacobian_into(black_box(x), &mut y, &mut jacobian));
        });
    }
    if m == 1 && n <= limits.hessian {
        let mut hessian = DMatrix::zeros(n, n);
        group.bench_function(format!("hessian/{name}"), |b| {
            b.iter(|| {
                prepared.value_gradient_and_hessian_into(black_box(x), &mut x_bar, &mut hessian)
            });
        });
    }
}

fn problem<F: Function>(criterion: &mut Criterion, name: &str, f: &F, x: &[f64]) {
    let mut group = criterion.benchmark_group(name);
    let mut y = vec![0.0; f.outputs()];
    group.bench_function("primal", |b| b.iter(|| f.eval(black_box(x), black_box(&mut y))));
    let (dual, tape, fd) = (Dual::default(), NativeReverse::default(), Fd::default());
    operations(&mut group, &dual, f, x, FORWARD);
    operations(&mut group, &NumDual::default(), f, x, FORWARD);
    operations(&mut group, &tape, f, x, REVERSE);
    operations(&mut group, &HigherOrder::new(dual, tape), f, x, REVERSE);
    operations(&mut group, &fd, f, x, FORWARD);
    group.finish();
}

fn all(criterion: &mut Criterion) {
    for n in [10, 1000, 100_000] {
        let f = Rosenbrock::new(n);
        problem(criterion, &format!("rosenbrock_{n}"), &f, &f.point());
    }
    problem(criterion, "lotka_volterra", &LotkaVolterra, &LotkaVolterra::point());
    problem(criterion, "nist_gauss1", &Gauss1::load(), &Gauss1::point());
}

criterion_group!(benches, all);
criterion_main!(benches);
