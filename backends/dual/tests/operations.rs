//! Every operation is right, and costs as many evaluations as the backend says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "num-dual")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{
    Backend, Differentiate, Evaluations, Failure, Function, HigherOrder, Operation, Prepared,
    Pullback, Pushforward, Scalar, Shape,
};
use ad_dual::{Dual, NumDual};
use nalgebra::DMatrix;

/// `yᵢ = Σⱼ sin((i + 1) xⱼ) xⱼ₊₁`, cyclic, and how often it was evaluated.
#[derive(Clone)]
struct Waves {
    inputs: usize,
    outputs: usize,
    evaluations: Arc<AtomicUsize>,
}

impl Waves {
    fn new(inputs: usize, outputs: usize) -> Self {
        Waves { inputs, outputs, evaluations: Arc::default() }
    }

    /// The evaluations since the last call.
    fn count(&self) -> usize {
        self.evaluations.swap(0, Ordering::Relaxed)
    }

    fn jacobian(&self, x: &[f64]) -> DMatrix<f64> {
        let n = self.inputs;
        let mut jacobian = DMatrix::zeros(self.outputs, n);
        for i in 0..self.outputs {
            let k = i as f64 + 1.0;
            for j in 0..n {
                jacobian[(i, j)] += k * (k * x[j]).cos() * x[(j + 1) % n];
                jacobian[(i, (j + 1) % n)] += (k * x[j]).sin();
            }
        }
        jacobian
    }

    /// The Hessian of `Σ wᵢ yᵢ`.
    fn hessian(&self, x: &[f64], w: &[f64]) -> DMatrix<f64> {
        let n = self.inputs;
        let mut hessian = DMatrix::zeros(n, n);
        for (i, w) in w.iter().enumerate() {
            let k = i as f64 + 1.0;
            for j in 0..n {
                let next = (j + 1) % n;
                let mixed = w * k * (k * x[j]).cos();
                hessian[(j, j)] -= w * k * k * (k * x[j]).sin() * x[next];
                hessian[(j, next)] += mixed;
                hessian[(next, j)] += mixed;
            }
        }
        hessian
    }
}

impl Function for Waves {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        for (i, y) in y.iter_mut().enumerate() {
            let k = i as f64 + 1.0;
            *y = (0..x.len()).map(|j| (x[j] * k).sin() * x[(j + 1) % x.len()]).sum();
        }
        Ok(())
    }
}

#[track_caller]
fn close(found: &DMatrix<f64>, expected: &DMatrix<f64>) {
    let error = (found - expected).amax();
    assert!(error <= 1e-13 * expected.amax().max(1.0), "error {error:e}");
}

fn point(n: usize) -> Vec<f64> {
    (0..n).map(|i| 0.3 + 0.21 * i as f64).collect()
}

fn evaluations<B: Backend>(backend: &B, operation: Operation, shape: Shape) -> usize {
    match backend.capability(operation, shape).evaluations() {
        Some(Evaluations::Exactly(count)) => count,
        other => panic!("{operation:?}: {other:?}"),
    }
}

/// Every operation is right, and costs what the backend says.
fn operations<B: Backend>(backend: &B) {
    for n in [1, 2, 3, 4, 5, 8, 9, 13, 17] {
        for m in [1, 3] {
            let (f, x, w) = (Waves::new(n, m), point(n), &[1.0, -0.5, 2.0][..m]);
            let shape = Shape::of(&f);
            let cost = |operation| evaluations(backend, operation, shape);
            let jacobian = f.jacobian(&x);
            let hessian = f.hessian(&x, w);
            let mut prepared = backend.prepare(&f, &x).unwrap();
            for _ in 0..2 {
                close(&prepared.jacobian(&x).unwrap(), &jacobian);
                assert_eq!(f.count(), cost(Operation::Jacobian));
                let pullback = prepared.pullback(&x, w).unwrap();
                assert_eq!(f.count(), cost(Operation::Pullback));
                let expected = jacobian.tr_mul(&DMatrix::from_column_slice(m, 1, w));
                close(&DMatrix::from_column_slice(n, 1, pullback.as_slice()), &expected);
                let pushforward = prepared.pushforward(&x, &x).unwrap();
                assert_eq!(f.count(), cost(Operation::Pushforward));
                let v = DMatrix::from_column_slice(n, 1, &x);
                close(&DMatrix::from_column_slice(m, 1, pushforward.as_slice()), &(&jacobian * &v));
                close(&prepared.weighted_hessian(&x, w).unwrap(), &hessian);
                assert_eq!(f.count(), cost(Operation::Hessian));
                // Several vectors at once.
                let v = DMatrix::from_fn(n, 6, |i, j| (i * j) as f64 - 2.0);
                let (mut gradient, mut hv) = (vec![0.0; n], DMatrix::zeros(n, 6));
                prepared
                    .value_gradient_and_weighted_hvp_into(
                        &x,
                        w,
                        v.as_slice(),
                        &mut gradient,
                        hv.as_mut_slice(),
                    )
                    .unwrap();
                close(&hv, &(&hessian * &v));
                f.count();
                let mut y_dot = DMatrix::zeros(m, 6);
                prepared.pushforward_into(&x, v.as_slice(), y_dot.as_mut_slice()).unwrap();
                close(&y_dot, &(&jacobian * &v));
                let capability = backend.inner().pushforward_capability(shape, 6);
                assert_eq!(capability.evaluations(), Some(Evaluations::Exactly(f.count())));
                let w2 = [w, w].concat();
                let mut x_bar = DMatrix::zeros(n, 2);
                prepared.pullback_into(&x, &w2, x_bar.as_mut_slice()).unwrap();
                let capability = backend.inner().pullback_capability(shape, 2);
                assert_eq!(capability.evaluations(), Some(Evaluations::Exactly(f.count())));
                close(&x_bar, &(jacobian.transpose() * DMatrix::from_column_slice(m, 2, &w2)));
                if m == 1 {
                    prepared.hvp(&x, &x).unwrap();
                    assert_eq!(f.count(), cost(Operation::Hvp));
                }
                if n == 1 {
                    let mut second = vec![0.0; m];
                    prepared.second_derivative_into(x[0], &mut second).unwrap();
                    assert_eq!(f.count(), cost(Operation::SecondDerivative));
                    let weighted: f64 = second.iter().zip(w).map(|(d, w)| d * w).sum();
                    close(&DMatrix::from_element(1, 1, weighted), &hessian);
                }
            }
        }
    }
}

#[test]
fn dual_is_right_and_costs_what_it_says() {
    operations(&Dual::default());
    for chunk in [1, 3, 5] {
        operations(&Dual::default().chunk(chunk).unwrap());
    }
}

#[test]
fn num_dual_is_right_and_costs_what_it_says() {
    operations(&NumDual::default());
    for chunk in [1, 2, 3] {
        operations(&NumDual::default().chunk(chunk).unwrap());
    }
}

#[test]
fn pairs_are_right_and_cost_what_they_say() {
    operations(&HigherOrder::new(Dual::default(), NumDual::default()));
    operations(&HigherOrder::new(NumDual::default().chunk(2).unwrap(), Dual::default()));
}
