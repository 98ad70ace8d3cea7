//! A call that runs again allocates nothing.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

mod common;

use ad_api::{Backend, Prepared};
use ad_conformance::CountingAllocator;
use ad_fd::Fd;
use common::function;
use nalgebra::DMatrix;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

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
            let ((), count) = CountingAllocator::count(|| {
                model.value_and_jacobian_into(&x, &mut y, &mut jacobian).unwrap();
                model.pushforward_into(&x, &[1.0, 2.0, 3.0, 0.0, 1.0, -1.0], &mut y_dot).unwrap();
                model.pullback_into(&x, &[1.0; 4], &mut x_bar).unwrap();
                single.value_and_gradient_into(&x, &mut gradient).unwrap();
                single.hessian_into(&x, &mut hessian).unwrap();
            });
            assert!(!warm || count == 0, "{count} allocations");
        }
    }
}
