//! Random models against exact derivatives: inputs from 1e-5 to 1e5, stiff and flat factors.
#![allow(clippy::unwrap_used, reason = "tests, and what they call")]

mod common;
use ad_api::{Differentiate, Failure, Function, Scalar};
use ad_dual::Dual;
use ad_fd::Fd;

/// Factors that give each input a scale of its own.
#[derive(Debug, Clone)]
struct Model([f64; 4]);

impl Function for Model {
    fn inputs(&self) -> usize {
        4
    }
    fn outputs(&self) -> usize {
        5
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let u = [0, 1, 2, 3].map(|i| x[i] * self.0[i]);
        y[0] = (-u[0]).exp() * u[1].sin() + u[2] / (u[3] * u[3] + 1.0);
        y[1] = x[0] * (S::from(1.0) - (-u[1]).exp());
        y[2] = (u[2] * u[2] + u[3] * u[3] + 1.0).ln() * 1e6;
        y[3] = (u[0] * u[1]).tanh() * x[2];
        y[4] = x[3].powi(3) * 1e-9;
        Ok(())
    }
}

/// Uniform in `[0, 1)`, from a seed: a linear congruence.
fn uniform(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    f64::from(u32::try_from(*seed >> 32).unwrap()) / 2f64.powi(32)
}

#[test]
fn random_models_agree_with_exact_derivatives_and_errors_cover_the_truth() {
    let (mut uncovered, mut worst, mut entries) = (0, 0.0f64, 0);
    for case in 0..1000 {
        let mut seed = case;
        uniform(&mut seed);
        let mut draw = |from: f64, to: f64| from + (to - from) * uniform(&mut seed);
        let x = [(); 4].map(|()| 10f64.powf(draw(-5.0, 5.0)));
        let model = Model(x.map(|x| 10f64.powf(draw(-1.0, 0.8)) / x));
        let exact = Dual::default().jacobian(&model, &x).unwrap();
        let (y, found, error) = Fd::default().value_jacobian_and_error(&model, &x).unwrap();
        for j in 0..4 {
            for i in 0..5 {
                // What an input can change by, or what an output is worth per unit of the input.
                let scale = exact[(i, j)].abs() + 1e-2 * (y[i] / x[j]).abs();
                let miss = (found[(i, j)] - exact[(i, j)]).abs();
                assert!(
                    miss <= 1e-9 * scale,
                    "seed {case}, ({i}, {j}): {} not {}, error {:e}",
                    found[(i, j)],
                    exact[(i, j)],
                    error[(i, j)]
                );
                if scale > 0.0 {
                    worst = worst.max(miss / scale);
                }
                uncovered += usize::from(miss > error[(i, j)]);
                // The intermediate results of `f` may lose a few more roundings than its value.
                assert!(miss <= 10.0 * error[(i, j)], "seed {case}, ({i}, {j}): {miss:e}");
                entries += 1;
            }
        }
        let v = x.map(|x| x * draw(-1.0, 1.0));
        let expected = &exact * nalgebra::DVector::from_column_slice(&v);
        let product = Fd::default().pushforward(&model, &x, &v).unwrap();
        for i in 0..5 {
            let scale: f64 = (0..4).map(|j| (exact[(i, j)] * v[j]).abs()).sum::<f64>() + y[i].abs();
            assert!(
                (product[i] - expected[i]).abs() <= 1e-9 * scale,
                "seed {case}, tangent, {i}: {} not {}",
                product[i],
                expected[i]
            );
        }
    }
    println!("{entries} entries, worst {worst:.1e}, {uncovered} not covered by their error");
    assert!(uncovered * 100 < entries, "{uncovered} of {entries}");
}
