//! Prepared calls of every backend allocate nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ad::prelude::*;
use nalgebra::DMatrix;

use crate::function::Sample::Potential;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[allow(unsafe_code, reason = "an allocator that counts what it hands on to the system's")]
// SAFETY: every call is passed on unchanged to `System`, which keeps the contract of the trait.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(mut body: impl FnMut()) -> usize {
    let before = ALLOCATIONS.get();
    body();
    ALLOCATIONS.get() - before
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
        if backend.name().contains("finitediff") {
            continue; // that crate returns its results in vectors of its own
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
