//! No solver copies a vector to the host, and the numbers that leave the device are few.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::cell::Cell;

use ad_algorithms::matrix_free::{
    Adam, BiCgStab, Cgls, Differentiable, Elementwise, GaussNewton, HostMap, Krylov, LeastSquares,
    LinearMap, NewtonKrylov, Objective, OnHost, Schedule, Vector,
};
use ad_algorithms::problems::{Bratu1d, Problem};
use ad_api::array::Flat;
use ad_api::{Backend, LinearOperator, Result};
use ad_dual::Dual;
use nalgebra::DVector;

thread_local! {
    static COPIES: Cell<usize> = const { Cell::new(0) };
    static NUMBERS: Cell<usize> = const { Cell::new(0) };
}

fn count(counter: &'static std::thread::LocalKey<Cell<usize>>) {
    counter.with(|counter| counter.set(counter.get() + 1));
}

/// A vector that counts what would leave a device.
#[derive(Debug, Clone)]
struct Remote(DVector<f64>);

impl Vector for Remote {
    fn len(&self) -> usize {
        self.0.nrows()
    }
    fn zeros_like(&self) -> Self {
        Remote(DVector::zeros(self.0.nrows()))
    }
    fn dot(&self, other: &Self) -> Result<f64> {
        count(&NUMBERS);
        Ok(self.0.dot(&other.0))
    }
    fn scale(&mut self, a: f64) {
        self.0 *= a;
    }
    fn axpby(&mut self, a: f64, x: &Self, b: f64) {
        self.0.axpy(a, &x.0, b);
    }
    fn to_host(&self) -> Result<Vec<f64>> {
        count(&COPIES);
        Ok(self.0.as_slice().to_vec())
    }
}

impl Elementwise for Remote {
    fn multiply(&mut self, other: &Self) {
        self.0.component_mul_assign(&other.0);
    }
    fn divide(&mut self, other: &Self) {
        self.0.component_div_assign(&other.0);
    }
    fn square_root(&mut self) {
        self.0.apply(|entry| *entry = entry.sqrt());
    }
    fn shift(&mut self, a: f64) {
        self.0.add_scalar_mut(a);
    }
    fn limit(&mut self, bound: f64) {
        self.0.apply(|entry| *entry = entry.clamp(-bound, bound));
    }
}

/// A program on that device.
struct Program(OnHost<Dual, Flat<Bratu1d>>);

type Jacobian = HostMap<<Dual as Backend>::Linearization<Flat<Bratu1d>>>;

struct RemoteMap(Jacobian);

impl LinearMap<Remote> for RemoteMap {
    fn apply(&self, v: &Remote) -> Result<Remote> {
        self.0.0.apply(v.0.as_slice()).map(Remote)
    }
    fn apply_transpose(&self, w: &Remote) -> Result<Remote> {
        self.0.0.apply_transpose(w.0.as_slice()).map(Remote)
    }
}

impl Differentiable<Remote> for Program {
    type Linear = RemoteMap;
    fn value(&mut self, x: &Remote) -> Result<Remote> {
        Differentiable::value(&mut self.0, &x.0).map(Remote)
    }
    fn linearize(&mut self, x: &Remote) -> Result<(Remote, RemoteMap)> {
        let (value, jacobian) = self.0.linearize(&x.0)?;
        Ok((Remote(value), RemoteMap(jacobian)))
    }
}

/// `½|F|²`.
impl Objective<Remote> for Program {
    fn value(&mut self, x: &Remote) -> Result<f64> {
        let f = Differentiable::value(self, x)?;
        Ok(0.5 * f.dot(&f)?)
    }
    fn value_and_gradient(&mut self, x: &Remote) -> Result<(f64, Remote)> {
        let (f, jacobian) = self.linearize(x)?;
        Ok((0.5 * f.dot(&f)?, jacobian.apply_transpose(&f)?))
    }
}

fn setup() -> (Program, Remote) {
    let problem = Bratu1d::new(20, 2.0).unwrap();
    let start = Remote(DVector::from_vec(problem.start()));
    COPIES.set(0);
    NUMBERS.set(0);
    (Program(OnHost::new(Dual::default(), Flat::new(problem))), start)
}

#[test]
fn newton_krylov_leaves_vectors_where_they_are() {
    for (krylov, each) in [(Krylov::default(), 25), (Krylov::BiCgStab(BiCgStab::default()), 8)] {
        let (mut program, start) = setup();
        let method = NewtonKrylov { krylov, ..NewtonKrylov::default() };
        let root = method.solve(&mut program, &start).unwrap();
        assert!(root.status.is_converged());
        assert_eq!(COPIES.get(), 0);
        let bound = each * root.counts.linear_iterations + 10 * root.iterations + 3;
        assert!(NUMBERS.get() <= bound, "{} {bound}", NUMBERS.get());
        // The count counts.
        assert_eq!(root.x.to_host().unwrap().len(), 20);
        assert_eq!(COPIES.get(), 1);
    }
}

#[test]
fn gauss_newton_leaves_vectors_where_they_are() {
    for linear in [LeastSquares::default(), LeastSquares::Cgls(Cgls::default())] {
        let (mut program, start) = setup();
        let method = GaussNewton { linear, residual_tol: 1e-10, ..GaussNewton::default() };
        let fit = method.minimize(&mut program, &start).unwrap();
        assert!(fit.status.is_converged());
        assert_eq!(COPIES.get(), 0);
        let bound = 4 * fit.counts.linear_iterations + 15 * fit.iterations + 10;
        assert!(NUMBERS.get() <= bound, "{} {bound}", NUMBERS.get());
    }
}

#[test]
fn adam_leaves_vectors_where_they_are() {
    let (mut program, start) = setup();
    let adam = Adam {
        learning_rate: Schedule::Constant(1e-4),
        clip_norm: Some(1.0),
        max_iterations: 100,
        ..Adam::default()
    };
    let outcome = adam.minimize(&mut program, &start).unwrap();
    assert!(outcome.value < outcome.history[0]);
    assert_eq!(COPIES.get(), 0);
    // The value, which is a dot product here, and the norm of the gradient.
    assert!(NUMBERS.get() <= 2 * outcome.evaluations + 1, "{}", NUMBERS.get());
}
