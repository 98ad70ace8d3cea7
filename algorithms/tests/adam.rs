//! ADAM: the paper's steps, and what keeps it out of trouble.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::ops::ControlFlow;

use ad_algorithms::SolveError;
use ad_algorithms::matrix_free::{
    Adam, AdamOutcome, Objective, OnHost, Schedule, StallWindow, Status,
};
use ad_api::{AdError, Failure, Function, Scalar};
use ad_native_reverse::NativeReverse;
use nalgebra::{DVector, dvector};

/// A function from `n` inputs to one output, with the value of its `eval`.
macro_rules! objective {
    ($name:ident: $n:literal, |$x:ident| $value:expr) => {
        #[derive(Clone)]
        struct $name;
        impl Function for $name {
            fn inputs(&self) -> usize {
                $n
            }
            fn outputs(&self) -> usize {
                1
            }
            fn eval<S: Scalar>(&self, $x: &[S], y: &mut [S]) -> Result<(), Failure> {
                y[0] = $value;
                Ok(())
            }
        }
    };
}

objective!(Rosenbrock: 2, |x| {
    (x[1] - x[0] * x[0]).powi(2) * 100.0 + (x[0] - 1.0).powi(2)
});
objective!(Parabola: 1, |x| x[0] * x[0]);
objective!(Distance: 1, |x| (x[0] - 1.0).abs());

fn minimize(adam: &Adam, f: impl Function, x0: &[f64]) -> AdamOutcome<DVector<f64>> {
    let x0 = DVector::from_column_slice(x0);
    adam.minimize(&mut OnHost::new(NativeReverse::default(), f), &x0).unwrap()
}

fn at_rate(rate: f64) -> Adam {
    Adam { learning_rate: Schedule::Constant(rate), ..Adam::default() }
}

#[test]
fn steps_are_those_of_the_paper() {
    // By hand: g₁ = 2 x₀, then algorithm 1.
    let (rate, beta1, beta2, epsilon) = (0.1, 0.9_f64, 0.999_f64, 1e-8);
    let (mut x, mut m, mut v) = (3.0, 0.0, 0.0);
    for t in 1..=4_i32 {
        let g = 2.0 * x;
        m = beta1 * m + (1.0 - beta1) * g;
        v = beta2 * v + (1.0 - beta2) * g * g;
        let (m_hat, v_hat): (f64, f64) = (m / (1.0 - beta1.powi(t)), v / (1.0 - beta2.powi(t)));
        x -= rate * m_hat / (v_hat.sqrt() + epsilon);
    }
    let outcome = minimize(&Adam { max_iterations: 4, ..at_rate(rate) }, Parabola, &[3.0]);
    assert_eq!((outcome.status, outcome.iterations), (Status::IterationLimit, 4));
    assert!((outcome.last[0] - x).abs() < 1e-14, "{} {x}", outcome.last[0]);
    assert_eq!((outcome.evaluations, outcome.history.len()), (5, 5));
    // Bias correction: without it, the first step would be √(1 - β₂)/(1 - β₁) times as long.
    let first = minimize(&Adam { max_iterations: 1, ..at_rate(rate) }, Parabola, &[3.0]);
    assert!((first.last[0] - 2.9).abs() < 1e-9);
}

#[test]
fn the_valley_of_rosenbrock() {
    let adam = Adam { max_iterations: 20_000, gradient_tol: 1e-6, ..at_rate(0.02) };
    let outcome = minimize(&adam, Rosenbrock, &[-1.2, 1.0]);
    assert_eq!(outcome.status, Status::SmallGradient, "{}", outcome.value);
    assert!((&outcome.x - dvector![1.0, 1.0]).norm() < 1e-5, "{}", outcome.x);
    assert!(outcome.gradient_norm <= 1e-6 && outcome.skipped == 0 && outcome.clipped == 0);
}

#[test]
fn a_small_regression() {
    /// Logistic regression on six points that no line separates.
    #[derive(Clone)]
    struct Logistic;
    impl Function for Logistic {
        fn inputs(&self) -> usize {
            2
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: Scalar>(&self, w: &[S], y: &mut [S]) -> Result<(), Failure> {
            let data = [
                (-2.0, false),
                (-1.0, false),
                (0.5, false),
                (-0.5, true),
                (1.0, true),
                (2.0, true),
            ];
            y[0] = data
                .into_iter()
                .map(|(t, label)| {
                    let score = w[0] + w[1] * t;
                    let margin = if label { score } else { -score };
                    ((-margin).exp() + 1.0).ln()
                })
                .sum();
            Ok(())
        }
    }
    let adam = Adam { gradient_tol: 1e-9, ..at_rate(0.05) };
    let outcome = minimize(&adam, Logistic, &[1.0, -1.0]);
    assert!(outcome.status.is_converged(), "{}", outcome.status);
    // The data are symmetric, so that w₀ = 0.
    assert!(outcome.x[0].abs() < 1e-8 && outcome.x[1] > 0.5, "{}", outcome.x);
}

/// `|x - 1|²`, with one gradient that is a million times too large.
struct Spike {
    calls: usize,
}

impl Objective<DVector<f64>> for Spike {
    fn value(&mut self, x: &DVector<f64>) -> ad_api::Result<f64> {
        Ok(x.add_scalar(-1.0).norm_squared())
    }
    fn value_and_gradient(&mut self, x: &DVector<f64>) -> ad_api::Result<(f64, DVector<f64>)> {
        self.calls += 1;
        let scale = if self.calls == 3 { 1e6 } else { 1.0 };
        Ok((self.value(x)?, x.add_scalar(-1.0) * (2.0 * scale)))
    }
}

#[test]
fn clipping_keeps_one_gradient_from_stopping_all_others() {
    let run = |adam: &Adam| {
        let adam = Adam { max_iterations: 400, gradient_tol: 0.0, ..adam.clone() };
        adam.minimize(&mut Spike { calls: 0 }, &dvector![4.0, -2.0]).unwrap()
    };
    let without = run(&at_rate(0.05));
    assert!((without.last.add_scalar(-1.0)).norm() > 1.0, "{}", without.last);
    assert_eq!(without.clipped, 0);
    let by_norm = run(&Adam { clip_norm: Some(10.0), ..at_rate(0.05) });
    assert!((by_norm.last.add_scalar(-1.0)).norm() < 0.01, "{}", by_norm.last);
    assert_eq!(by_norm.clipped, 1);
    let by_value = run(&Adam { clip_value: Some(10.0), ..at_rate(0.05) });
    assert!((by_value.last.add_scalar(-1.0)).norm() < 0.01, "{}", by_value.last);
    // By value first: what is left has a norm of 10 √2, which the other need not touch.
    let both = Adam { clip_value: Some(10.0), clip_norm: Some(15.0), ..at_rate(0.05) };
    assert_eq!(run(&both).clipped, 0);
}

#[test]
fn a_schedule_ends_the_dance_around_a_kink() {
    let steps = 500;
    let run = |learning_rate| {
        let adam = Adam { learning_rate, max_iterations: steps, ..Adam::default() };
        (minimize(&adam, Distance, &[3.03]).last[0] - 1.0).abs()
    };
    let constant = run(Schedule::Constant(0.1));
    let cosine = run(Schedule::Cosine { initial: 0.1, last: 1e-5, steps });
    let exponential = run(Schedule::Exponential { initial: 0.1, factor: 0.1, every: 125 });
    assert!(constant > 1e-3, "{constant}");
    assert!(cosine < 1e-4 && exponential < 1e-4, "{cosine} {exponential}");
}

#[test]
fn schedules() {
    let cosine = Schedule::Cosine { initial: 1.0, last: 0.1, steps: 10 };
    assert_eq!(cosine.rate(0), 1.0);
    assert!((cosine.rate(5) - 0.55).abs() < 1e-15);
    assert_eq!((cosine.rate(10), cosine.rate(1000)), (0.1, 0.1));
    let exponential = Schedule::Exponential { initial: 1.0, factor: 0.5, every: 10 };
    assert_eq!((exponential.rate(0), exponential.rate(10), exponential.rate(20)), (1.0, 0.5, 0.25));
    assert_eq!(Schedule::Constant(0.3).rate(7), 0.3);
}

#[test]
fn gradients_that_are_not_finite_are_skipped() {
    /// `x - ln x`, with a minimum at 1: NaN or a failure for `x < 0`.
    #[derive(Clone)]
    struct Barrier(bool);
    impl Function for Barrier {
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
            if self.0 && x[0] <= 0.0 {
                return Err(Failure::new("x must be positive"));
            }
            y[0] = x[0] - x[0].ln();
            Ok(())
        }
    }
    for fails in [true, false] {
        // The first step leads from 3 to -1.
        let learning_rate = Schedule::Exponential { initial: 4.0, factor: 0.5, every: 30 };
        let adam = Adam { learning_rate, ..Adam::default() };
        let outcome = minimize(&adam, Barrier(fails), &[3.0]);
        assert!((outcome.x[0] - 1.0).abs() < 1e-3, "{}", outcome.x);
        assert!(outcome.skipped > 0);
        assert_eq!(outcome.failure.is_some(), fails);
        assert_eq!(outcome.evaluations, outcome.history.len() + outcome.skipped);
        assert!(outcome.history.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn too_many_skips_in_a_row_are_the_end() {
    objective!(Island: 1, |x| if x[0] == 1.0 { x[0] } else { S::from(f64::NAN) });
    let outcome = minimize(&Adam { max_skipped: 3, ..at_rate(0.1) }, Island, &[1.0]);
    assert_eq!((outcome.status, outcome.skipped), (Status::NonFinite, 4));
    assert_eq!((outcome.x[0], outcome.value), (1.0, 1.0));
}

#[test]
fn the_best_iterate_is_kept() {
    // Far too long steps across the valley.
    let outcome = minimize(&Adam { max_iterations: 50, ..at_rate(1.0) }, Rosenbrock, &[-1.2, 1.0]);
    let least = outcome.history.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(outcome.value, least);
    assert!(outcome.history.last().unwrap() > &least);
    let mut y = [0.0];
    Rosenbrock.eval(outcome.x.as_slice(), &mut y).unwrap();
    assert!((y[0] - least).abs() <= 1e-14 * least);
}

#[test]
fn a_window_without_progress_is_a_stall() {
    let stall = Some(StallWindow { steps: 30, min_decrease: 1e-3 });
    let outcome = minimize(&Adam { stall, ..at_rate(0.1) }, Distance, &[3.03]);
    assert_eq!(outcome.status, Status::Stalled);
    assert!(outcome.iterations < 300 && outcome.value < 0.1);
    // Without it, it dances on.
    let outcome = minimize(&Adam { max_iterations: 400, ..at_rate(0.1) }, Distance, &[3.03]);
    assert_eq!(outcome.status, Status::IterationLimit);
}

#[test]
fn observers_see_every_iterate_and_may_stop() {
    let mut seen = Vec::new();
    let mut parabola = OnHost::new(NativeReverse::default(), Parabola);
    let outcome = at_rate(0.1)
        .minimize_observed(&mut parabola, &dvector![3.0], |progress| {
            seen.push((progress.iteration, progress.value));
            assert_eq!((progress.learning_rate, progress.skipped), (0.1, 0));
            if progress.iteration == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(outcome.status, Status::StoppedByObserver);
    assert_eq!(seen.iter().map(|&(iteration, _)| iteration).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(seen.iter().map(|&(_, value)| value).collect::<Vec<_>>(), outcome.history);
}

#[derive(Clone)]
struct Two;
impl Function for Two {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y.fill(x[0]);
        Ok(())
    }
}

#[test]
fn what_cannot_start_is_a_typed_error() {
    objective!(Reciprocal: 1, |x| S::from(1.0) / x[0]);
    objective!(Root: 1, |x| x[0].sqrt());
    fn error(adam: &Adam, f: impl Function, x0: &[f64]) -> SolveError {
        let x0 = DVector::from_column_slice(x0);
        adam.minimize(&mut OnHost::new(NativeReverse::default(), f), &x0).unwrap_err()
    }
    let adam = Adam::default();
    assert!(matches!(error(&adam, Parabola, &[]), SolveError::Empty { .. }));
    assert!(matches!(error(&adam, Parabola, &[1.0, 2.0]), SolveError::Ad(AdError::Shape { .. })));
    assert!(matches!(error(&adam, Parabola, &[f64::NAN]), SolveError::NonFiniteNorm { .. }));
    assert!(matches!(error(&adam, Reciprocal, &[0.0]), SolveError::NonFiniteNorm { .. }));
    // A finite value, an infinite derivative.
    let root = error(&adam, Root, &[0.0]);
    assert_eq!(
        root.to_string(),
        "the norm of the gradient at the start is inf, expected a finite number"
    );
    assert!(matches!(error(&adam, Two, &[0.0]), SolveError::Ad(AdError::Arity { .. })));
    let value = Objective::value(&mut OnHost::new(NativeReverse::default(), Two), &dvector![0.0]);
    assert!(matches!(value, Err(AdError::Arity { outputs: 2, .. })));

    let exponential = |initial, factor, every| Adam {
        learning_rate: Schedule::Exponential { initial, factor, every },
        ..Adam::default()
    };
    let cosine = |initial, last, steps| Adam {
        learning_rate: Schedule::Cosine { initial, last, steps },
        ..Adam::default()
    };
    let stall = |steps, min_decrease| Adam {
        stall: Some(StallWindow { steps, min_decrease }),
        ..Adam::default()
    };
    let base = Adam::default;
    for (option, adam) in [
        ("learning_rate", at_rate(0.0)),
        ("learning_rate.initial", exponential(-1.0, 0.5, 1)),
        ("learning_rate.factor", exponential(1.0, 1.5, 1)),
        ("learning_rate.every", exponential(1.0, 0.5, 0)),
        ("learning_rate.last", cosine(1.0, 0.0, 1)),
        ("learning_rate.steps", cosine(1.0, 0.1, 0)),
        ("beta1", Adam { beta1: 1.0, ..base() }),
        ("beta2", Adam { beta2: -0.1, ..base() }),
        ("epsilon", Adam { epsilon: 0.0, ..base() }),
        ("clip_value", Adam { clip_value: Some(0.0), ..base() }),
        ("clip_norm", Adam { clip_norm: Some(f64::NAN), ..base() }),
        ("gradient_tol", Adam { gradient_tol: -1.0, ..base() }),
        ("stall.steps", stall(0, 0.0)),
        ("stall.min_decrease", stall(1, -1.0)),
    ] {
        match error(&adam, Parabola, &[1.0]) {
            SolveError::Option { option: found, .. } => assert_eq!(found, option),
            other => panic!("{option}: {other}"),
        }
    }
}
