//! Gauss-Newton from products alone.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use ad_algorithms::matrix_free::{Cgls, GaussNewton, LeastSquares, OnHost, Outcome};
use ad_native_reverse::NativeReverse;
use common::problems::Problem;
use nalgebra::DVector;

fn minimize(method: &GaussNewton, problem: Problem) -> Outcome<DVector<f64>> {
    let start = DVector::from_vec(problem.start());
    method.minimize(&mut OnHost::new(NativeReverse::default(), problem), &start).unwrap()
}

#[test]
fn look() {
    for problem in common::problems::ALL {
        for linear in [LeastSquares::default(), LeastSquares::Cgls(Cgls::default())] {
            let method = GaussNewton { linear, ..GaussNewton::default() };
            let fit = minimize(&method, problem);
            let rss = fit.residual_norm.powi(2);
            let answers: Vec<f64> = problem.answers().iter().map(|a| a.rss).collect();
            println!("{problem:?} {} {rss:e} {answers:?} {:?} {}", fit.status, fit.gradient_norm, fit.iterations);
            if problem == Problem::Rosenbrock {
                for s in &fit.history {
                    println!("{:9.2e} {:9.2e} {:4} {} {:9.2e}", s.residual_norm, s.forcing, s.linear_iterations, s.step_length, s.damping);
                }
            }
        }
    }
}
