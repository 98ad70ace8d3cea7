//! What the tape costs: a gradient over the plain `f64` evaluation of the same function.
//!
//! `cargo run --release -p ad-native-reverse --example tape_cost`
//!
//! Times are the fastest of many batches; one operation is one arithmetic operation of the primal.
#![allow(clippy::unwrap_used, reason = "an error ends the example")]

use std::hint::black_box;
use std::time::Instant;

use ad_api::{Backend, Failure, Function, Prepared, Scalar};
use ad_native_reverse::NativeReverse;

/// `Σ 100 (x_{i+1} - x_i²)² + (1 - x_i)²`: 8 operations a term.
#[derive(Clone)]
struct Rosenbrock(usize);

impl Function for Rosenbrock {
    fn inputs(&self) -> usize {
        self.0
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let mut sum = S::from(0.0);
        for i in 0..self.0 - 1 {
            let valley = x[i + 1] - x[i] * x[i];
            let distance = S::from(1.0) - x[i];
            sum += S::from(100.0) * valley * valley + distance * distance;
        }
        y[0] = sum;
        Ok(())
    }
}

/// Lotka-Volterra through 1000 classical Runge-Kutta steps: 56 operations a step.
#[derive(Clone)]
struct LotkaVolterra;

impl Function for LotkaVolterra {
    fn inputs(&self) -> usize {
        6
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (a, b, c, e) = (x[0], x[1], x[2], x[3]);
        let rate = |u: S, v: S| {
            let uv = u * v;
            (a * u - b * uv, c * uv - e * v)
        };
        let (mut u, mut v, h) = (x[4], x[5], 0.01);
        let mut loss = S::from(0.0);
        for _ in 0..1000 {
            let (u1, v1) = rate(u, v);
            let (u2, v2) = rate(u + u1 * (h / 2.0), v + v1 * (h / 2.0));
            let (u3, v3) = rate(u + u2 * (h / 2.0), v + v2 * (h / 2.0));
            let (u4, v4) = rate(u + u3 * h, v + v3 * h);
            u += (u1 + u2 * 2.0 + u3 * 2.0 + u4) * (h / 6.0);
            v += (v1 + v2 * 2.0 + v3 * 2.0 + v4) * (h / 6.0);
            loss += u + v;
        }
        y[0] = loss;
        Ok(())
    }
}

/// The fastest time of one call, in nanoseconds.
fn fastest(mut call: impl FnMut()) -> f64 {
    let mut batch = |repeat: u32| {
        let start = Instant::now();
        (0..repeat).for_each(|_| call());
        start.elapsed().as_secs_f64() / f64::from(repeat)
    };
    let mut repeat = 1;
    while batch(repeat) * f64::from(repeat) < 2e-3 {
        repeat *= 2;
    }
    (0..200).map(|_| batch(repeat)).fold(f64::INFINITY, f64::min) * 1e9
}

fn report<F: Function>(name: &str, f: &F, x: &[f64], operations: usize) {
    let mut y = [0.0];
    let primal = fastest(|| f.eval(black_box(x), black_box(&mut y)).unwrap());
    let backend = NativeReverse::default();
    let mut prepared = backend.prepare(f, x).unwrap();
    let mut gradient = vec![0.0; x.len()];
    let value = prepared.value_and_gradient_into(x, &mut gradient).unwrap();
    let time = fastest(|| {
        prepared.value_and_gradient_into(black_box(x), black_box(&mut gradient)).unwrap();
    });
    let (_, jacobian) = backend.linearize(f, x).unwrap();
    let sweep = fastest(|| {
        ad_api::LinearOperator::apply_transpose_into(&jacobian, &[1.0], black_box(&mut gradient))
            .unwrap();
    });
    // Sweeps alone, by the number of cotangents or tangents that are computed together.
    let seeds = [1, 2, 4, 8, 16].map(|k: usize| {
        let (w, v) = (vec![1.0; k], vec![1.0; k * x.len()]);
        let (mut y, mut y_dot, mut x_bar) = ([0.0], vec![0.0; k], vec![0.0; k * x.len()]);
        let reverse =
            fastest(|| prepared.value_and_pullback_into(x, &w, &mut y, &mut x_bar).unwrap());
        let forward =
            fastest(|| prepared.value_and_pushforward_into(x, &v, &mut y, &mut y_dot).unwrap());
        let per_seed = |all: f64| (all - (time - sweep)) / (k * operations) as f64;
        format!("{k}: {:.2}, {:.2}", per_seed(reverse), per_seed(forward))
    });
    let norm: f64 = gradient.iter().map(|d| d.abs()).sum();
    let per = |time: f64| time / operations as f64;
    println!(
        "{name:>18}: value {value:.9e}, |gradient|₁ {norm:.9e}\n\
         {:>20}primal {:.0} ns, gradient {time:.0} ns: {:.1} x; per operation {:.2} ns \
         (sweep {:.2}); {} statements, {} bytes\n\
         {:>20}sweeps per seed and operation, reverse and forward: {}",
        "",
        primal,
        time / primal,
        per(time),
        per(sweep),
        jacobian.statements(),
        jacobian.bytes(),
        "",
        seeds.join("; ")
    );
}

fn main() {
    for n in [1000, 100_000] {
        let mut state = 2_u64;
        let x: Vec<f64> = (0..n)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                4.0 * ((state >> 11) as f64 / 2f64.powi(53)) - 2.0
            })
            .collect();
        report(&format!("Rosenbrock {n}"), &Rosenbrock(n), &x, 8 * (n - 1));
    }
    report("Lotka-Volterra", &LotkaVolterra, &[1.5, 1.0, 1.0, 3.0, 1.0, 1.0], 56_000);
}
