//! Gauss-Newton from products alone, against the dense methods.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::ops::ControlFlow;

use ad_algorithms::matrix_free::{Cgls, GaussNewton, LeastSquares, Lsmr, OnHost, Outcome, Status};
use ad_algorithms::problems::{Bratu2d, Problem as _};
use ad_algorithms::{LevenbergMarquardt, Method, SolveError};
use ad_api::array::Flat;
use ad_api::{AdError, Failure, Function, Scalar};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;
use common::problems::{ALL, Problem};
use nalgebra::{DVector, dvector};

type Fit = Outcome<DVector<f64>>;

fn with(linear: LeastSquares) -> GaussNewton {
    GaussNewton { linear, ..GaussNewton::default() }
}

fn both() -> [(&'static str, GaussNewton); 2] {
    [("LSMR", with(LeastSquares::default())), ("CGLS", with(LeastSquares::Cgls(Cgls::default())))]
}

fn minimize(method: &GaussNewton, f: &impl Function, x0: &[f64]) -> Fit {
    let start = DVector::from_column_slice(x0);
    method.minimize(&mut OnHost::new(NativeReverse::default(), f.clone()), &start).unwrap()
}

#[test]
fn the_collection_is_solved_as_by_the_dense_method() {
    for problem in ALL {
        // Its unknowns differ by six orders, which products cannot tell.
        if problem == Problem::PowellBadlyScaled {
            continue;
        }
        let dense = LevenbergMarquardt::default();
        let dense = dense.minimize(&Dual::default(), &problem, &problem.start()).unwrap();
        for (name, method) in both() {
            let fit = minimize(&method, &problem, &problem.start());
            let name = format!("{problem:?} by {name}");
            assert!(fit.status.is_converged(), "{name}: {}", fit.status);
            let rss = fit.residual_norm.powi(2);
            let tol = if dense.rss < 1e-8 { 1e-3 } else { 1e-10 };
            let same_cost = (rss - dense.rss).abs() <= tol * dense.rss + 1e-20;
            // Brown's almost linear system has several roots, Biggs's two minima.
            let listed =
                problem.answers().iter().any(|a| (a.rss - rss).abs() <= 1e-6 * a.rss + 1e-20);
            assert!(same_cost || listed, "{name}: {rss:e} {:e}", dense.rss);
            let is_unique = !matches!(problem, Problem::BiggsExp6 | Problem::BrownAlmostLinear);
            if same_cost && is_unique && !matches!(problem, Problem::Chebyquad(_)) {
                let error = (&fit.x - &dense.x).norm() / dense.x.norm().max(1.0);
                assert!(error < 1e-5, "{name}: {error:e}");
            }
        }
    }
}

#[test]
fn badly_scaled_unknowns_are_no_false_success() {
    for (name, method) in both() {
        let fit = minimize(&method, &Problem::PowellBadlyScaled, &[0.0, 1.0]);
        let is_right = (fit.x[1] - 9.106_146_739_866_524).abs() < 1e-6;
        assert!(is_right || !fit.status.is_converged(), "{name}: {} {}", fit.status, fit.x);
    }
}

#[test]
fn a_root_of_many_unknowns() {
    let problem = Bratu2d::new(15, 6.0).unwrap();
    for (name, method) in both() {
        let method = GaussNewton { residual_tol: 1e-12, ..method };
        let fit = minimize(&method, &Flat::new(problem), &problem.start());
        assert_eq!(fit.status, Status::SmallResidual, "{name}");
        assert!(fit.iterations <= 10 && fit.residual_norm <= 1e-12);
        assert!((fit.x.max() - fit.x[112]).abs() < 1e-12);
    }
}

/// Residuals from `n` inputs to `m` outputs, with the body of their `eval`.
macro_rules! residuals {
    ($name:ident: $n:literal -> $m:literal, |$x:ident, $r:ident| $body:block) => {
        #[derive(Clone)]
        struct $name;
        impl Function for $name {
            fn inputs(&self) -> usize {
                $n
            }
            fn outputs(&self) -> usize {
                $m
            }
            fn eval<S: Scalar>(&self, $x: &[S], $r: &mut [S]) -> Result<(), Failure> {
                $body
                Ok(())
            }
        }
    };
}

residuals!(Line: 2 -> 4, |b, r| {
    for (t, (r, y)) in r.iter_mut().zip([1.0, 2.5, 4.5, 6.0]).enumerate() {
        *r = b[0] + b[1] * t as f64 - y;
    }
});

#[test]
fn linear_problems_take_the_least_norm() {
    for (_, method) in both() {
        let fit = minimize(&method, &Line, &[0.0, 0.0]);
        assert_eq!(fit.status, Status::SmallGradient);
        assert!((&fit.x - dvector![0.95, 1.7]).norm() < 1e-9, "{}", fit.x);
        // One equation in three unknowns.
        residuals!(Plane: 3 -> 1, |x, r| { r[0] = x[0] + x[1] * 2.0 + x[2] * 2.0 - 9.0; });
        let fit = minimize(&method, &Plane, &[0.0, 0.0, 0.0]);
        assert!(fit.status.is_converged());
        assert!((&fit.x - dvector![1.0, 2.0, 2.0]).norm() < 1e-9, "{}", fit.x);
    }
}

#[test]
fn a_local_minimum_is_convergence_for_least_squares() {
    residuals!(NoRoot: 1 -> 1, |x, r| { r[0] = x[0] * x[0] + 1.0; });
    for (name, method) in both() {
        let fit = minimize(&method, &NoRoot, &[1.0]);
        assert!(fit.status.is_converged(), "{name}: {}", fit.status);
        assert!(fit.x[0].abs() < 1e-4 && (fit.residual_norm - 1.0).abs() < 1e-8);
    }
}

#[test]
fn a_trial_point_that_fails_or_is_not_finite_is_rejected() {
    #[derive(Clone)]
    struct Logarithms(bool);
    impl Function for Logarithms {
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            2
        }
        fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
            if self.0 && x[0] <= 0.0 {
                return Err(Failure::new("x must be positive"));
            }
            r[0] = x[0].ln();
            r[1] = x[0].ln() * 2.0;
            Ok(())
        }
    }
    for fails in [true, false] {
        for (_, method) in both() {
            let fit = minimize(&method, &Logarithms(fails), &[50.0]);
            assert!(fit.status.is_converged() && (fit.x[0] - 1.0).abs() < 1e-9, "{}", fit.status);
            assert_eq!(fit.failure.is_some(), fails);
            assert!(fit.history.iter().skip(1).any(|step| step.step_length == 0.0));
        }
    }
}

#[test]
fn wrong_derivatives_are_no_convergence() {
    // The value is `b`, its derivative is found as -1.
    residuals!(WrongDerivative: 1 -> 1, |b, r| { r[0] = S::from(2.0 * b[0].primal()) - b[0]; });
    let fit = minimize(&GaussNewton::default(), &WrongDerivative, &[3.0]);
    assert!(!fit.status.is_converged(), "{}", fit.status);
    assert_eq!(fit.x[0], 3.0);
}

#[test]
fn limits_observers_and_divergence() {
    let problem = Problem::Rosenbrock;
    let method = GaussNewton { max_iterations: 3, ..GaussNewton::default() };
    let fit = minimize(&method, &problem, &problem.start());
    assert_eq!((fit.status, fit.iterations), (Status::IterationLimit, 3));
    assert_eq!(fit.history.len(), 4);

    let mut norms = Vec::new();
    let mut on_host = OnHost::new(NativeReverse::default(), problem);
    let fit = GaussNewton::default()
        .minimize_observed(&mut on_host, &dvector![-1.2, 1.0], |progress| {
            norms.push(progress.step.residual_norm);
            if progress.iteration == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!((fit.status, norms.len()), (Status::StoppedByObserver, 3));
    assert!((norms[0] - 24.2_f64.sqrt()).abs() < 1e-14);

    residuals!(Runaway: 1 -> 1, |b, r| { r[0] = S::from(1.0) / b[0]; });
    let method = GaussNewton { max_growth: 100.0, ..GaussNewton::default() };
    assert_eq!(minimize(&method, &Runaway, &[1.0]).status, Status::Diverged);
}

#[test]
fn counts_are_those_of_the_calls() {
    let fit = minimize(&GaussNewton::default(), &Line, &[0.0, 0.0]);
    let counts = fit.counts;
    assert_eq!(counts.linear_solves, fit.iterations);
    let rejected = fit.history.iter().skip(1).filter(|step| step.step_length == 0.0).count();
    assert_eq!(counts.linearizations, 1 + fit.iterations - rejected);
    // Each solve: one product an iteration, one for the prediction; each model: one with the gradient.
    assert_eq!(
        counts.products,
        counts.linear_iterations + counts.linear_solves + counts.linearizations
    );
}

#[test]
fn what_cannot_start_is_a_typed_error() {
    residuals!(Reciprocal: 1 -> 1, |x, r| { r[0] = S::from(1.0) / x[0]; });
    residuals!(Cusp: 1 -> 1, |x, r| { r[0] = x[0].sqrt() + 1.0; });
    residuals!(Nothing: 1 -> 0, |_x, _r| {});
    fn error(method: &GaussNewton, f: impl Function, x0: &[f64]) -> SolveError {
        let x0 = DVector::from_column_slice(x0);
        method.minimize(&mut OnHost::new(NativeReverse::default(), f), &x0).unwrap_err()
    }
    let method = GaussNewton::default();
    assert!(matches!(error(&method, Line, &[]), SolveError::Empty { .. }));
    assert!(matches!(error(&method, Nothing, &[1.0]), SolveError::Empty { residuals: 0, .. }));
    assert!(matches!(error(&method, Line, &[1.0]), SolveError::Ad(AdError::Shape { .. })));
    assert!(matches!(error(&method, Reciprocal, &[0.0]), SolveError::NonFiniteNorm { .. }));
    assert!(matches!(error(&method, Line, &[f64::NAN, 0.0]), SolveError::NonFiniteNorm { .. }));
    let cusp = error(&method, Cusp, &[0.0]).to_string();
    assert!(cusp.contains("gradient at the start"), "{cusp}");

    let base = GaussNewton::default;
    for (option, method) in [
        ("residual_tol", GaussNewton { residual_tol: -1.0, ..base() }),
        ("cosine_tol", GaussNewton { cosine_tol: 1.0, ..base() }),
        ("step_tol", GaussNewton { step_tol: -1.0, ..base() }),
        ("initial_damping", GaussNewton { initial_damping: 0.0, ..base() }),
        ("max_growth", GaussNewton { max_growth: 1.0, ..base() }),
        ("max_condition", with(LeastSquares::Lsmr(Lsmr { max_condition: 0.0, ..Lsmr::default() }))),
    ] {
        match error(&method, Line, &[0.0, 0.0]) {
            SolveError::Option { option: found, .. } => assert_eq!(found, option),
            other => panic!("{option}: {other}"),
        }
    }
}
