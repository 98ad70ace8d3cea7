//! Prepared calls of every backend allocate nothing.

use ad::prelude::*;
use ad_conformance::CountingAllocator;
use nalgebra::DMatrix;

use crate::function::Sample::Potential;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn allocations(body: impl FnMut()) -> usize {
    CountingAllocator::count(body).1
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1.0; 3]))), 1);
}

#[test]
fn prepared_calls_allocate_nothing() {
    let x = [0.4, -1.3, 0.8];
    let (mut gradient, mut hv) = ([0.0; 3], [0.0; 3]);
    let (mut hessian, mut jacobian) = (DMatrix::zeros(3, 3), DMatrix::zeros(1, 3));
    for backend in ad::backends().into_iter().chain(ad::pairs()) {
        // Those crates return their results in memory of their own.
        if ["finitediff", "burn", "candle"].iter().any(|engine| backend.name().contains(engine)) {
            continue;
        }
        let mut prepared = backend.prepare(&Potential, &x).unwrap();
        let mut calls = || {
            prepared.gradient_into(&x, &mut gradient).unwrap();
            prepared.jacobian_into(&x, &mut jacobian).unwrap();
            prepared.hvp_into(&x, &[1.0, 0.0, 2.0], &mut hv).unwrap();
            prepared.value_gradient_and_hessian_into(&x, &mut gradient, &mut hessian).unwrap();
        };
        calls();
        assert_eq!(allocations(calls), 0, "{}", backend.name());
    }
}
