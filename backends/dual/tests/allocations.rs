//! Prepared calls allocate nothing once their buffers have their sizes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ad_api::{Backend, Failure, Function, Prepared, Scalar};
use ad_conformance::CountingAllocator;
use ad_dual::Dual;
use nalgebra::DMatrix;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The number of allocations of a second call, after a first one.
fn allocations(mut call: impl FnMut()) -> usize {
    call();
    CountingAllocator::count(call).1
}

/// Three outputs of `n` inputs.
#[derive(Clone)]
struct Moments(usize);

impl Function for Moments {
    fn inputs(&self) -> usize {
        self.0
    }
    fn outputs(&self) -> usize {
        3
    }
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x.iter().sum();
        y[1] = x.iter().map(|&x| x * x).sum();
        y[2] = x.iter().map(|&x| x.sin()).sum();
        Ok(())
    }
}

fn prepared_calls_allocate_nothing<B: Backend>(backend: &B) {
    for n in [1, 3, 11, 100] {
        let x: Vec<f64> = (0..n).map(|i| 0.1 * i as f64).collect();
        let (mut y, w) = ([0.0; 3], [1.0, 2.0, 3.0]);
        let (mut vector, mut three) = (vec![0.0; n], vec![0.0; 3]);
        let mut jacobian = DMatrix::zeros(3, n);
        let mut hessian = DMatrix::zeros(n, n);
        let mut hv = vec![0.0; n];
        let mut prepared = backend.prepare(&Moments(n), &x).unwrap();
        let p = &mut prepared;
        assert_eq!(allocations(|| p.value_into(&x, &mut y).unwrap()), 0);
        assert_eq!(allocations(|| p.pushforward_into(&x, &x, &mut three).unwrap()), 0);
        assert_eq!(allocations(|| p.pullback_into(&x, &w, &mut vector).unwrap()), 0);
        assert_eq!(allocations(|| p.jacobian_into(&x, &mut jacobian).unwrap()), 0);
        assert_eq!(allocations(|| p.weighted_hessian_into(&x, &w, &mut hessian).unwrap()), 0);
        assert_eq!(
            allocations(|| {
                p.value_gradient_and_weighted_hvp_into(&x, &w, &x, &mut vector, &mut hv).unwrap();
            }),
            0
        );
    }
    let mut prepared = backend.prepare(&Moments(1), &[0.0]).unwrap();
    let mut three = [0.0; 3];
    assert_eq!(allocations(|| prepared.second_derivative_into(0.5, &mut three).unwrap()), 0);
}

#[test]
fn dual() {
    prepared_calls_allocate_nothing(&Dual::default());
    prepared_calls_allocate_nothing(&Dual::default().chunk(2).unwrap());
}

#[cfg(feature = "num-dual")]
#[test]
fn num_dual() {
    prepared_calls_allocate_nothing(&ad_dual::NumDual::default());
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(vec![0_u8; 100])), 1);
}
