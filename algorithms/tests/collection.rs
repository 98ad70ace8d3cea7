//! The least-squares problems of Moré, Garbow and Hillstrom.

mod common;

use ad_algorithms::{GaussNewton, LevenbergMarquardt, Method, Outcome, Status};
use ad_api::Function;
use ad_dual::Dual;
use common::problems::{ALL, Answer, Problem};

fn row(problem: Problem, method: &str, fit: &Outcome) {
    println!(
        "{:26} {method:8} | rss {:9.3e} | {:5} {:5} | {}",
        format!("{problem:?}"),
        fit.rss,
        fit.iterations,
        fit.counts.jacobians,
        fit.status,
    );
}

/// Whether the outcome is this minimum.
///
/// Where `J` is singular at the minimum, or the residuals large and costs are all there is to
/// compare, half the digits of `x` are what can be had.
fn is_at(fit: &Outcome, answer: &Answer) -> bool {
    let digits_of_rss = if answer.rss < 1e-8 { 1e-3 } else { 1e-9 };
    let error = (fit.rss - answer.rss).abs();
    let cost_fits = error <= digits_of_rss * answer.rss || answer.rss == 0.0 && fit.rss < 1e-20;
    let close = |(x, a): (&f64, &f64)| (x - a).abs() <= 1e-6 * a.abs().max(1e-5);
    cost_fits && fit.x.iter().zip(&answer.x).all(close)
}

#[test]
fn formulas_give_the_listed_cost_at_the_start() {
    for problem in ALL {
        let mut r = vec![0.0; problem.outputs()];
        problem.eval(&problem.start(), &mut r).unwrap();
        let rss: f64 = r.iter().map(|r| r * r).sum();
        if let Some(expected) = problem.rss_at_start() {
            assert!((rss - expected).abs() <= 1e-11 * expected, "{problem:?}: {rss} {expected}");
        }
    }
}

#[test]
fn levenberg_marquardt_reaches_a_listed_minimum() {
    for problem in ALL {
        let method = LevenbergMarquardt::default();
        let fit = method.minimize(&Dual::default(), &problem, &problem.start()).unwrap();
        row(problem, "LM", &fit);
        assert!(fit.status.is_converged(), "{problem:?}: {}", fit.status);
        let hit = problem.answers().iter().any(|answer| is_at(&fit, answer));
        assert!(hit, "{problem:?}: rss {} at {}", fit.rss, fit.x);
    }
}

#[test]
fn gauss_newton_reaches_a_listed_minimum_or_says_that_it_has_not() {
    for problem in ALL {
        let method = GaussNewton::default();
        let fit = method.minimize(&Dual::default(), &problem, &problem.start()).unwrap();
        row(problem, "GN", &fit);
        let hit = problem.answers().iter().any(|answer| is_at(&fit, answer));
        assert_eq!(hit, fit.status.is_converged(), "{problem:?}: {}", fit.status);
        // The line search fails where J is close to singular away from a minimum, and where the
        // residuals at the minimum are too large for the linear model.
        let fails = matches!(
            problem,
            Problem::FreudensteinRoth
                | Problem::JennrichSampson
                | Problem::BiggsExp6
                | Problem::Chebyquad(_)
        );
        assert_eq!(fails, fit.status == Status::Stalled, "{problem:?}: {}", fit.status);
    }
}

#[test]
fn far_starts_end_in_a_minimum_or_in_a_failure() {
    for problem in ALL {
        for factor in [10.0, 100.0] {
            let x0: Vec<f64> = problem.start().iter().map(|x| x * factor).collect();
            let method = LevenbergMarquardt::default();
            let Ok(fit) = method.minimize(&Dual::default(), &problem, &x0) else {
                // exp(300)² overflows.
                assert_eq!((problem, factor), (Problem::JennrichSampson, 100.0));
                continue;
            };
            row(problem, &format!("LM {factor}"), &fit);
            let mut r = vec![0.0; problem.outputs()];
            problem.eval(fit.x.as_slice(), &mut r).unwrap();
            assert_eq!(fit.residuals.as_slice(), r, "{problem:?}");
            let hit = problem.answers().iter().any(|answer| is_at(&fit, answer));
            // Convergence elsewhere is to a stationary point, or one that the run has all but
            // reached on its way to infinity.
            let stationary = fit.column_cosine < 2e-5;
            assert!(!fit.status.is_converged() || hit || stationary, "{problem:?} {factor}");
        }
    }
}
