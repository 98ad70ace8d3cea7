//! The solvers of `ad-algorithms` on tensor libraries: one source, the same iterations.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ad_algorithms::matrix_free::{
    Adam, BiCgStab, Cgls, GaussNewton, Krylov, LeastSquares, NewtonKrylov, OnDevice, Outcome,
    Preconditioner, Schedule, Status, Vector,
};
use ad_algorithms::problems::{
    Bratu1d, Bratu2d, BroydenTridiagonal, ChandrasekharH, ConvectionDiffusion,
    DiscreteBoundaryValue, Poisson, PowellSingular, Problem, Rosenbrock,
};
use ad_api::array::{Array, ArrayBackend, ArrayFunction, Arrays, Constant, Dims, Tensor};
use ad_api::{AdError, Failure};
use ad_burn::{Burn, Precision};
use ad_candle::Candle;
use ad_conformance::Transfers;
use ad_native_reverse::NativeReverse;
use ad_tensor_tests::WatchedEngine;

/// Each test on the host, burn and candle.
macro_rules! on_each_engine {
    ($($test:ident)*) => {
        mod on_the_host { $(#[test] fn $test() { super::$test(&super::NativeReverse::default()) })* }
        mod on_burn { $(#[test] fn $test() { super::$test(&super::Burn::cpu()) })* }
        mod on_candle { $(#[test] fn $test() { super::$test(&super::Candle::cpu()) })* }
    };
}

on_each_engine! {
    bratu_on_the_square
    every_problem_to_rounding
    newton_krylov_copies_no_vector
    gauss_newton_finds_the_same_root
    gauss_newton_copies_no_vector
    adam_trains_a_network
    adam_copies_no_vector
    misuse_is_a_typed_error
}

type Root<E> = Outcome<Arrays<E>>;

/// A residual norm of 1e-12, and nothing else.
fn tight() -> NewtonKrylov {
    NewtonKrylov { residual_tol: 1e-12, relative_tol: 0.0, ..NewtonKrylov::default() }
}

fn solve<E: ArrayBackend>(engine: &E, method: &NewtonKrylov, problem: impl Problem) -> Root<E> {
    let start = problem.start();
    let mut problem = OnDevice::new(engine.clone(), problem);
    let start = problem.vector(&start).unwrap();
    method.solve(&mut problem, &start).unwrap()
}

fn preconditioned<E: ArrayBackend>(
    engine: &E,
    method: &NewtonKrylov,
    problem: impl Problem,
    mut preconditioner: impl Preconditioner<Arrays<E>>,
) -> Root<E> {
    let start = problem.start();
    let mut problem = OnDevice::new(engine.clone(), problem);
    let start = problem.vector(&start).unwrap();
    method.solve_preconditioned(&mut problem, &start, &mut preconditioner).unwrap()
}

/// Newton iterations, and linear iterations in each.
fn iterations<E: ArrayBackend>(root: &Root<E>) -> Vec<usize> {
    root.history.iter().skip(1).map(|step| step.linear_iterations).collect()
}

fn bratu_on_the_square<E: ArrayBackend>(engine: &E) {
    for (n, largest, linear) in
        [(64, 0.796_676_35, [1, 2, 3, 3, 4]), (256, 0.797_081_37, [1, 2, 3, 3, 3])]
    {
        let problem = Bratu2d::new(n, 6.0).unwrap();
        let root = preconditioned(engine, &tight(), problem, Poisson::scaled(n).unwrap());
        assert_eq!(root.status, Status::SmallResidual, "{:?}", root.history);
        assert!(root.residual_norm <= 1e-12);
        let found = root.x[0].max(&[0, 1]).item().unwrap();
        assert!((found - largest).abs() < 1e-8, "n = {n}: {found}");
        // The same for every engine; the Newton iterations for every n.
        assert_eq!(iterations::<E>(&root), linear, "n = {n}: {:?}", root.history);
    }
}

fn every_problem_to_rounding<E: ArrayBackend>(engine: &E) {
    let bicgstab = NewtonKrylov { krylov: Krylov::BiCgStab(BiCgStab::default()), ..tight() };
    for method in [tight(), bicgstab] {
        let converged = |root: Root<E>| {
            assert!(root.residual_norm <= 1e-12, "{} {:?}", root.status, root.history);
            root.x.to_host().unwrap()
        };
        let near = |found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-10, "{found} {expected}");
        };
        let u = converged(solve(engine, &method, Bratu1d::new(31, 3.5).unwrap()));
        near(u[15], u.iter().copied().fold(0.0, f64::max));
        let h = converged(solve(engine, &method, ChandrasekharH::new(20, 0.9).unwrap()));
        near(h[19], 1.838_116_887_6);
        let x = converged(solve(engine, &method, BroydenTridiagonal::new(10).unwrap()));
        near(x[0], -0.570_722_132_011_224_8);
        let x = converged(solve(engine, &method, DiscreteBoundaryValue::new(10).unwrap()));
        near(x[0], -0.043_164_982_518_764_87);
        let x = converged(solve(engine, &method, Rosenbrock::new(10).unwrap()));
        x.iter().for_each(|&x| near(x, 1.0));
        let _ = converged(solve(engine, &method, PowellSingular::new(8).unwrap()));

        let problem = ConvectionDiffusion::new(15).unwrap();
        let answer = problem.answer();
        let method = NewtonKrylov { residual_tol: 1e-9, ..method };
        let root = preconditioned(engine, &method, problem, Poisson::negative(15).unwrap());
        assert!(root.status.is_converged(), "{}", root.status);
        root.x.to_host().unwrap().iter().zip(&answer).for_each(|(&u, &exact)| near(u, exact));
    }
}

#[test]
fn in_32_bits_the_iteration_ends_at_rounding() {
    fn ends_at_rounding<E: ArrayBackend>(engine: &E) {
        let problem = Bratu2d::new(31, 6.0).unwrap();
        let root = preconditioned(engine, &tight(), problem, Poisson::scaled(31).unwrap());
        assert_eq!(root.status, Status::RoundingLimit, "{:?}", root.history);
        let found = root.x[0].max(&[0, 1]).item().unwrap();
        assert!((found - 0.796_949_861_4).abs() < 1e-4, "{found}");
    }
    ends_at_rounding(&Burn::cpu().precision(Precision::F32));
    ends_at_rounding(&Candle::cpu().precision(ad_candle::Precision::F32));
}

fn newton_krylov_copies_no_vector<E: ArrayBackend>(engine: &E) {
    let n = 32;
    for krylov in [Krylov::default(), Krylov::BiCgStab(BiCgStab::default())] {
        let watched = WatchedEngine::new(engine.clone()).unwrap();
        let problem = Bratu2d::new(n, 6.0).unwrap();
        let start = problem.start();
        let mut problem = OnDevice::new(watched.clone(), problem);
        let start = problem.vector(&start).unwrap();
        let state = n * n;
        let up = Transfers { to_host: 0, from_host: state };
        assert_eq!(watched.watching().take(), up);

        let method = NewtonKrylov { krylov, ..tight() };
        let mut poisson = Poisson::scaled(n).unwrap();
        let root = method.solve_preconditioned(&mut problem, &start, &mut poisson).unwrap();
        assert!(root.status.is_converged());
        let Transfers { to_host, from_host } = watched.watching().take();
        // All numbers of all iterations together are fewer than those of one vector.
        assert!(to_host > 0 && to_host < state / 4, "{to_host} numbers to the host");
        // The two tables of the preconditioner, once.
        assert_eq!(from_host, 2 * state);
        assert_eq!(root.x.to_host().unwrap().len(), state);
        assert_eq!(watched.watching().take().to_host, state);
    }
}

fn gauss_newton<E: ArrayBackend>(
    engine: &E,
    linear: LeastSquares,
    problem: impl Problem,
) -> Outcome<Arrays<E>> {
    let start = problem.start();
    let mut problem = OnDevice::new(engine.clone(), problem);
    let start = problem.vector(&start).unwrap();
    let method = GaussNewton { linear, residual_tol: 1e-12, ..GaussNewton::default() };
    method.minimize(&mut problem, &start).unwrap()
}

fn gauss_newton_finds_the_same_root<E: ArrayBackend>(engine: &E) {
    for linear in [LeastSquares::default(), LeastSquares::Cgls(Cgls::default())] {
        let fit = gauss_newton(engine, linear, Bratu1d::new(15, 2.0).unwrap());
        assert_eq!(fit.status, Status::SmallResidual, "{:?}", fit.history);
        let root = solve(engine, &tight(), Bratu1d::new(15, 2.0).unwrap());
        assert!(fit.x.plus(-1.0, &root.x).norm().unwrap() < 1e-10);
        let fit = gauss_newton(engine, linear, Rosenbrock::new(4).unwrap());
        assert_eq!(fit.status, Status::SmallResidual, "{:?}", fit.history);
        fit.x.to_host().unwrap().iter().for_each(|x| assert!((x - 1.0).abs() < 1e-10));
    }
}

fn gauss_newton_copies_no_vector<E: ArrayBackend>(engine: &E) {
    for linear in [LeastSquares::default(), LeastSquares::Cgls(Cgls::default())] {
        let watched = WatchedEngine::new(engine.clone()).unwrap();
        let n = 1000;
        let fit = gauss_newton(&watched, linear, Rosenbrock::new(n).unwrap());
        assert!(fit.status.is_converged(), "{}", fit.status);
        let Transfers { to_host, from_host } = watched.watching().take();
        assert_eq!(from_host, n);
        let numbers = 4 * fit.counts.linear_iterations + 15 * fit.iterations + 10;
        assert!(to_host <= numbers && numbers < n, "{to_host} numbers, {numbers} expected");
    }
}

/// The mean square of what a network of one hidden layer misses of `sin 3t`.
#[derive(Clone)]
struct Misfit {
    hidden: usize,
    t: Constant,
    observed: Constant,
}

const SAMPLES: usize = 32;

impl Misfit {
    fn new() -> Self {
        let t: Vec<f64> = (0..SAMPLES).map(|i| i as f64 / 16.0 - 1.0).collect();
        let observed = t.iter().map(|t| (3.0 * t).sin()).collect();
        let column = |entries| Constant::new([SAMPLES, 1], entries).unwrap();
        Misfit { hidden: 12, t: column(t), observed: column(observed) }
    }

    fn start(&self) -> Vec<f64> {
        (0..=3 * self.hidden).map(|i| (1.7 * i as f64).sin()).collect()
    }
}

impl ArrayFunction for Misfit {
    fn inputs(&self) -> Vec<Dims> {
        let h = self.hidden;
        vec![[1, h].into(), [h].into(), [h, 1].into(), [1].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let hidden = (self.t.beside(&x[0]).matmul(&x[0]) + &x[1]).tanh();
        let misfit = hidden.matmul(&x[2]) + &x[3] - self.observed.beside(&x[0]);
        Ok(vec![misfit.square().mean_all()])
    }
}

fn adam(steps: usize) -> Adam {
    Adam {
        learning_rate: Schedule::Cosine { initial: 0.03, last: 1e-3, steps },
        clip_norm: Some(5.0),
        clip_value: Some(3.0),
        max_iterations: steps,
        ..Adam::default()
    }
}

fn adam_trains_a_network<E: ArrayBackend>(engine: &E) {
    fn train<E: ArrayBackend>(engine: &E) -> (Vec<f64>, Vec<f64>) {
        let mut problem = OnDevice::new(engine.clone(), Misfit::new());
        let start = problem.vector(&Misfit::new().start()).unwrap();
        let trained = adam(200).minimize(&mut problem, &start).unwrap();
        assert_eq!((trained.iterations, trained.skipped), (200, 0));
        (trained.history, trained.x.to_host().unwrap())
    }
    let (history, x) = train(engine);
    let (first, last) = (history[0], history[history.len() - 1]);
    assert!(last < 0.02 * first, "from {first} to {last}");
    // The same path, to rounding, whichever engine takes it.
    let (expected, at) = train(&NativeReverse::default());
    let close = |found: &[f64], expected: &[f64]| {
        found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{a} {b}"));
    };
    close(&history, &expected);
    close(&x, &at);
}

fn adam_copies_no_vector<E: ArrayBackend>(engine: &E) {
    let watched = WatchedEngine::new(engine.clone()).unwrap();
    let mut problem = OnDevice::new(watched.clone(), Misfit::new());
    let start = problem.vector(&Misfit::new().start()).unwrap();
    let unknowns = Vector::len(&start);
    let trained = adam(20).minimize(&mut problem, &start).unwrap();
    let Transfers { to_host, from_host } = watched.watching().take();
    // The value, and the norms of the gradient before and after its entries are clipped.
    assert!(to_host <= 3 * trained.evaluations + 1, "{to_host}");
    assert_eq!(from_host, unknowns);
}

fn misuse_is_a_typed_error<E: ArrayBackend>(engine: &E) {
    let problem = OnDevice::new(engine.clone(), Rosenbrock::new(4).unwrap());
    assert!(matches!(problem.vector(&[1.0]), Err(AdError::Shape { expected: 4, found: 1, .. })));
    // A system has no gradient.
    let mut problem = problem;
    let x = problem.vector(&[1.0; 4]).unwrap();
    let error = Adam::default().minimize(&mut problem, &x).unwrap_err().to_string();
    assert!(error.contains("one output of one entry"), "{error}");
    // A start of another shape.
    let flat = vec![x[0].flatten()];
    let error = NewtonKrylov::default().solve(&mut problem, &flat).unwrap_err().to_string();
    assert!(error.contains("[4]") && error.contains("[2, 2]"), "{error}");
    let error = x.dot(&flat).unwrap_err().to_string();
    assert!(error.contains("[4]") && error.contains("[2, 2]"), "{error}");
    let error = Poisson::scaled(4).unwrap().apply(&x).unwrap_err().to_string();
    assert!(error.contains("[4, 4]") && error.contains("[2, 2]"), "{error}");
}
