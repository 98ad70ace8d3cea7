//! A call that runs again allocates nothing.
#![allow(unsafe_code, reason = "a global allocator that counts")]

mod common;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ad_api::{Backend, Prepared};
use ad_fd::Fd;
use common::function;
use nalgebra::DMatrix;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

function!(Model: 3 => 4, |x, y| {
    y[0] = x[0].exp() * x[1];
    y[1] = (x[1] * x[2]).sin();
    y[2] = x[0] * x[0] + x[2];
    y[3] = (x[0] - x[1]).recip();
});
function!(Single: 3 => 1, |x, y| { y[0] = x[0].exp() * x[1] + (x[2] * x[0]).sin(); });

#[test]
fn prepared_calls_allocate_nothing() {
    let x = [0.4, 1.7, -2.3];
    let bounded = Fd::default().bounds(vec![0.4, 0.0, -3.0], vec![1.0, 1.7, 3.0]).unwrap();
    for fd in [Fd::default(), Fd::default().adaptive(false), bounded] {
        let mut model = fd.prepare(&Model, &x).unwrap();
        let mut single = fd.prepare(&Single, &x).unwrap();
        let (mut y, mut jacobian) = ([0.0; 4], DMatrix::zeros(4, 3));
        let (mut y_dot, mut x_bar, mut gradient) = ([0.0; 8], [0.0; 3], [0.0; 3]);
        let mut hessian = DMatrix::zeros(3, 3);
        for warm in [false, true] {
            let before = COUNT.with(Cell::get);
            model.value_and_jacobian_into(&x, &mut y, &mut jacobian).unwrap();
            model.pushforward_into(&x, &[1.0, 2.0, 3.0, 0.0, 1.0, -1.0], &mut y_dot).unwrap();
            model.pullback_into(&x, &[1.0; 4], &mut x_bar).unwrap();
            single.value_and_gradient_into(&x, &mut gradient).unwrap();
            single.hessian_into(&x, &mut hessian).unwrap();
            let count = COUNT.with(Cell::get) - before;
            assert!(!warm || count == 0, "{count} allocations");
        }
    }
}
