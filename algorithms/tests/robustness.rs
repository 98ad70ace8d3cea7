//! Residuals that fail, jump, are not finite or do not determine the parameters; bad input; limits.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_algorithms::{
    Deficiency, GaussNewton, LevenbergMarquardt, Method, Options, Outcome, SolveError, Status,
};
use ad_api::{AdError, Failure, Function, Scalar};
use ad_dual::Dual;

/// What happens outside of a domain.
#[derive(Clone, Copy)]
enum Outside {
    Fails,
    IsNan,
}

/// `r = (ln b₁ - 1, b₂ - 3, ln b₁ - 1 + b₂ - 3)`, for `b₁ > 0` only, with a minimum at `(e, 3)`.
/// Newton's method for the logarithm overshoots to `b₁ < 0` from `b₁ > e²`.
#[derive(Clone)]
struct Bounded(Outside);

impl Function for Bounded {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        3
    }
    fn eval<S: Scalar>(&self, b: &[S], r: &mut [S]) -> Result<(), Failure> {
        if b[0] <= 0.0 {
            match self.0 {
                Outside::Fails => return Err(Failure::new("b1 must be positive")),
                Outside::IsNan => {
                    r.fill(S::from(f64::NAN));
                    return Ok(());
                }
            }
        }
        r[0] = b[0].ln() - 1.0;
        r[1] = b[1] - 3.0;
        r[2] = r[0] + r[1];
        Ok(())
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

// Only the sum of the first two parameters matters.
residuals!(Redundant: 3 -> 5, |b, r| {
    for (t, (r, y)) in r.iter_mut().zip([1.0, 2.5, 4.5, 6.0, 8.5]).enumerate() {
        *r = b[0] + b[1] + b[2] * t as f64 - y;
    }
});

// The second parameter does not matter at all.
residuals!(Ignored: 2 -> 3, |b, r| {
    for (r, y) in r.iter_mut().zip([1.0, 2.0, 4.0]) {
        *r = b[0] - y;
    }
});

// The value is `b`, its derivative is found as -1.
residuals!(WrongDerivative: 1 -> 2, |b, r| {
    r[0] = S::from(2.0 * b[0].primal()) - b[0];
    r[1] = S::from(1.0);
});

residuals!(Runaway: 1 -> 1, |b, r| {
    r[0] = S::from(1.0) / b[0];
});

residuals!(Square: 2 -> 2, |b, r| {
    r[0] = b[0] + b[1] - 3.0;
    r[1] = b[0] - b[1] - 1.0;
});

residuals!(Wide: 3 -> 2, |b, r| {
    r[0] = b[0] + b[1] + b[2];
    r[1] = b[0];
});

residuals!(Nothing: 0 -> 3, |_b, r| {
    r.fill(S::from(1.0));
});

// Finite residuals, infinite derivative at 0.
residuals!(Cusp: 1 -> 1, |b, r| {
    r[0] = b[0].sqrt();
});

fn lm() -> LevenbergMarquardt {
    LevenbergMarquardt::default()
}

/// A first step as bold as MINPACK's, so that trial points leave the domain.
fn bold() -> LevenbergMarquardt {
    LevenbergMarquardt { step_bound: 100.0, ..lm() }
}

fn solve(f: &impl Function, x0: &[f64]) -> Outcome {
    lm().minimize(&Dual::default(), f, x0).unwrap()
}

fn error(f: &impl Function, x0: &[f64]) -> String {
    lm().minimize(&Dual::default(), f, x0).unwrap_err().to_string()
}

fn assert_at(fit: &Outcome, x: &[f64]) {
    assert!(fit.status.is_converged(), "{}", fit.status);
    for (found, expected) in fit.x.iter().zip(x) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }
}

#[test]
fn a_failing_trial_point_is_rejected() {
    for fit in [
        bold().minimize(&Dual::default(), &Bounded(Outside::Fails), &[50.0, 0.0]).unwrap(),
        GaussNewton::default()
            .minimize(&Dual::default(), &Bounded(Outside::Fails), &[50.0, 0.0])
            .unwrap(),
    ] {
        assert_at(&fit, &[1.0_f64.exp(), 3.0]);
        assert!(fit.counts.invalid > 0);
        let Some(AdError::Function(failure)) = &fit.failure else { panic!("{:?}", fit.failure) };
        assert_eq!(failure.to_string(), "b1 must be positive");
    }
}

#[test]
fn a_trial_point_that_is_not_finite_is_rejected() {
    let fit = bold().minimize(&Dual::default(), &Bounded(Outside::IsNan), &[50.0, 0.0]).unwrap();
    assert_at(&fit, &[1.0_f64.exp(), 3.0]);
    assert!(fit.counts.invalid > 0 && fit.failure.is_none());
}

#[test]
fn a_minimum_behind_a_wall_is_a_stall() {
    #[derive(Clone)]
    struct Wall;
    impl Function for Wall {
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            2
        }
        fn eval<S: Scalar>(&self, b: &[S], r: &mut [S]) -> Result<(), Failure> {
            r[0] = if b[0] < 1.0 { S::from(f64::INFINITY) } else { b[0] };
            r[1] = b[0] + 1.0;
            Ok(())
        }
    }
    for fit in [
        solve(&Wall, &[3.0]),
        GaussNewton::default().minimize(&Dual::default(), &Wall, &[3.0]).unwrap(),
    ] {
        assert_eq!(fit.status, Status::Stalled);
        assert!(fit.x[0] >= 1.0 && fit.x[0] < 1.01 && fit.counts.invalid > 0, "{}", fit.x);
    }
}

#[test]
fn derivatives_that_are_not_finite_reject_the_point() {
    // r = √b decreases towards 0, where its derivative is infinite.
    let fit = solve(&Cusp, &[4.0]);
    assert!(fit.x[0] >= 0.0 && fit.rss < 1e-3 && fit.counts.invalid > 0, "{fit:?}");
}

#[test]
fn wrong_derivatives_are_no_convergence() {
    let fit = solve(&WrongDerivative, &[1.0]);
    assert_eq!(fit.status, Status::Stalled);
    assert!((fit.rss - 2.0).abs() < 1e-13);
}

#[test]
fn running_to_infinity_is_divergence() {
    let options = Options { max_growth: 1e6, ..Options::default() };
    let fit = LevenbergMarquardt { options, ..lm() }
        .minimize(&Dual::default(), &Runaway, &[1.0])
        .unwrap();
    assert_eq!(fit.status, Status::Diverged);
    assert!(fit.x[0] > 1e6);
}

#[test]
fn a_linear_problem_takes_one_step() {
    let exact = [0.95, 1.7];
    for fit in [
        solve(&Line, &[1.0, 1.0]),
        GaussNewton::default().minimize(&Dual::default(), &Line, &[9.0, -9.0]).unwrap(),
    ] {
        assert_at(&fit, &exact);
        assert!(fit.iterations <= 2, "{}", fit.iterations);
        assert_eq!(fit.counts.residuals, fit.iterations);
        // By hand: JᵀJ = [4 6; 6 14], rss = 0.05, s² = 0.025.
        let covariance = fit.covariance().unwrap();
        assert!((fit.rss - 0.05).abs() < 1e-14);
        assert_eq!(covariance.degrees_of_freedom(), 2);
        assert!((covariance.residual_standard_deviation() - 0.025_f64.sqrt()).abs() < 1e-14);
        for (k, expected) in [14.0, -6.0, -6.0, 4.0].into_iter().enumerate() {
            assert!((covariance.matrix()[k] - expected * 0.025 / 20.0).abs() < 1e-15);
        }
        let correlation = covariance.correlation();
        assert!((correlation[1] + 6.0 / 56.0_f64.sqrt()).abs() < 1e-13);
        assert!((correlation[0] - 1.0).abs() < 1e-15);
    }
}

#[test]
fn parameters_that_the_data_do_not_determine_are_named() {
    let fit = solve(&Redundant, &[1.0, 2.0, 3.0]);
    assert!(fit.status.is_converged());
    assert_eq!(fit.rank, 2);
    let covariance = fit.covariance().unwrap();
    assert_eq!(covariance.unidentifiable().collect::<Vec<_>>(), [0, 1]);
    let errors = covariance.standard_errors();
    assert_eq!((errors[0], errors[1], covariance.degrees_of_freedom()), (None, None, 3));
    // The slope is identifiable; its variance is s²/Σ(t - 2)² = s²/10.
    let expected = covariance.residual_standard_deviation() / 10.0_f64.sqrt();
    assert!((errors[2].unwrap() - expected).abs() < 1e-14);

    let fit = solve(&Ignored, &[1.0, 5.0]);
    assert_eq!((fit.rank, fit.x[1]), (1, 5.0));
    let errors = fit.covariance().unwrap().standard_errors();
    assert!(errors[0].is_some() && errors[1].is_none());
}

#[test]
fn gauss_newton_takes_the_shortest_step_or_stops_where_rank_is_lost() {
    let x0 = [1.0, 2.0, 3.0];
    let fit = GaussNewton::default().minimize(&Dual::default(), &Redundant, &x0).unwrap();
    assert!(fit.status.is_converged());
    // The shortest step changes both redundant parameters by the same.
    assert!((fit.x[1] - fit.x[0] - 1.0).abs() < 1e-13, "{}", fit.x);

    let strict = GaussNewton { on_deficiency: Deficiency::Stop, ..GaussNewton::default() };
    let fit = strict.minimize(&Dual::default(), &Redundant, &x0).unwrap();
    assert_eq!((fit.status, fit.x.as_slice()), (Status::RankDeficient, &x0[..]));
}

#[test]
fn an_exact_fit_without_spare_residuals_has_no_covariance() {
    let fit = solve(&Square, &[0.5, 7.0]);
    assert_at(&fit, &[2.0, 1.0]);
    assert!(fit.covariance().is_none());
}

#[test]
fn a_start_at_the_minimum_stays_there() {
    let fit = solve(&Square, &[2.0, 1.0]);
    assert_eq!((fit.status, fit.iterations), (Status::ZeroResidual, 0));
    let fit = solve(&Line, &[0.95, 1.7]);
    assert!(fit.status.is_converged() && fit.iterations <= 1);
}

#[test]
fn the_observer_sees_every_iteration_and_may_stop() {
    let mut seen = Vec::new();
    let fit = bold()
        .minimize_observed(&Dual::default(), &Bounded(Outside::IsNan), &[50.0, 0.0], |progress| {
            seen.push((progress.iteration, progress.accepted, progress.rss));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(seen.iter().map(|s| s.0).eq(0..=fit.iterations), "{seen:?}");
    assert!(seen.windows(2).all(|s| s[1].2 < s[0].2 || (!s[1].1 && s[1].2 == s[0].2)));
    assert_eq!(seen.iter().filter(|s| !s.1).count(), fit.counts.rejected);

    let fit = lm()
        .minimize_observed(&Dual::default(), &Bounded(Outside::IsNan), &[50.0, 0.0], |progress| {
            if progress.iteration == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!((fit.status, fit.iterations), (Status::StoppedByObserver, 2));
}

#[test]
fn limits_end_the_iteration_and_keep_the_best_point() {
    let limited = |options| {
        let method = LevenbergMarquardt { options, ..lm() };
        method.minimize(&Dual::default(), &Bounded(Outside::Fails), &[50.0, 0.0]).unwrap()
    };
    let fit = limited(Options { max_iterations: 2, ..Options::default() });
    assert_eq!((fit.status, fit.iterations), (Status::IterationLimit, 2));
    let start = (50.0_f64.ln() - 1.0).powi(2) + 9.0 + (50.0_f64.ln() - 4.0).powi(2);
    assert!(fit.rss < start);
    let fit = limited(Options { max_evaluations: 3, ..Options::default() });
    assert_eq!((fit.status, fit.counts.evaluations()), (Status::EvaluationLimit, 3));
    let fit = limited(Options { max_iterations: 0, ..Options::default() });
    assert_eq!((fit.x.as_slice(), fit.iterations), (&[50.0, 0.0][..], 0));
    let options = Options { decrease_tol: 1e-3, cosine_tol: 0.0, ..Options::default() };
    let method = LevenbergMarquardt { options, ..lm() };
    let fit = method.minimize(&Dual::default(), &Redundant, &[1.0, 2.0, 3.0]).unwrap();
    assert!(fit.status.is_converged());
}

#[test]
fn a_loose_decrease_tolerance_ends_early() {
    let run = |decrease_tol| {
        let options = Options { decrease_tol, ..Options::default() };
        let method = LevenbergMarquardt { options, ..lm() };
        method.minimize(&Dual::default(), &Offset, &[3.0]).unwrap()
    };
    residuals!(Offset: 1 -> 2, |b, r| {
        r[0] = b[0].exp() - 2.0;
        r[1] = b[0] * 3.0 - 5.0;
    });
    let (loose, tight) = (run(1e-3), run(0.0));
    assert_eq!(loose.status, Status::SmallDecrease);
    assert!(loose.iterations < tight.iterations);
    assert!((loose.rss / tight.rss - 1.0).abs() < 1e-3);
}

#[test]
fn counts_are_those_of_the_evaluations() {
    #[derive(Clone)]
    struct Counted(Arc<AtomicUsize>);
    impl Function for Counted {
        fn inputs(&self) -> usize {
            2
        }
        fn outputs(&self) -> usize {
            3
        }
        fn eval<S: Scalar>(&self, b: &[S], r: &mut [S]) -> Result<(), Failure> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Bounded(Outside::IsNan).eval(b, r)
        }
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let fit = solve(&Counted(calls.clone()), &[50.0, 0.0]);
    // Forward mode evaluates once for a Jacobian of two columns.
    assert_eq!(calls.load(Ordering::Relaxed), fit.counts.residuals + fit.counts.jacobians);
    assert!(fit.counts.linear_solves >= fit.iterations);
}

#[test]
fn bad_input_is_an_error_with_a_message() {
    let cases = [
        (error(&Line, &[1.0]), "`x0` has length 1, expected 2 (one value for each parameter)"),
        (error(&Line, &[1.0, f64::NAN]), "`x0[1]` is NaN, expected a finite number"),
        (
            error(&Wide, &[1.0; 3]),
            "2 residuals cannot determine 3 parameters, expected at least as many residuals as \
             parameters",
        ),
        (
            error(&Nothing, &[]),
            "the problem has 0 parameters and 3 residuals, expected some of each",
        ),
        (error(&Bounded(Outside::Fails), &[-1.0, 0.0]), "the function failed: b1 must be positive"),
        (
            error(&Bounded(Outside::IsNan), &[-1.0, 0.0]),
            "residual 0 is NaN at the start, expected finite residuals whose squares can be summed",
        ),
        (
            error(&Line, &[1e200, 0.0]),
            "residual 0 is 1e200 at the start, expected finite residuals whose squares can be \
             summed",
        ),
        (
            error(&Cusp, &[0.0]),
            "the derivative of residual 0 with respect to parameter 0 is inf at the start, \
             expected a finite number",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn settings_without_sense_are_errors() {
    let run = |method: LevenbergMarquardt| {
        method.minimize(&Dual::default(), &Line, &[1.0, 1.0]).unwrap_err()
    };
    let with = |options| LevenbergMarquardt { options, ..lm() };
    let defaults = Options::default;
    for (method, name) in [
        (with(Options { cosine_tol: -1.0, ..defaults() }), "cosine_tol"),
        (with(Options { decrease_tol: f64::NAN, ..defaults() }), "decrease_tol"),
        (with(Options { step_tol: 1.0, ..defaults() }), "step_tol"),
        (with(Options { max_growth: 0.5, ..defaults() }), "max_growth"),
        (LevenbergMarquardt { step_bound: 0.0, ..lm() }, "step_bound"),
        (LevenbergMarquardt { step_bound: f64::INFINITY, ..lm() }, "step_bound"),
    ] {
        let error = run(method);
        assert!(matches!(error, SolveError::Option { option, .. } if option == name), "{error}");
    }
    let error = run(with(Options { step_tol: 1.5, ..defaults() }));
    assert_eq!(error.to_string(), "option `step_tol` is 1.5, expected a number from 0 to below 1");
}
