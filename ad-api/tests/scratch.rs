//! The pools of working memory.

use ad_api::scratch;

#[test]
fn nested_borrows_get_different_buffers_of_zeros() {
    scratch::with(4, |outer: &mut [f64]| {
        outer.fill(1.0);
        scratch::with(4, |inner: &mut [f64]| {
            assert_eq!(inner, [0.0; 4]);
            inner.fill(2.0);
        });
        assert_eq!(outer, [1.0; 4]);
    });
    scratch::with(3, |again: &mut [f64]| assert_eq!(again, [0.0; 3]));
}

#[test]
fn a_panic_leaves_the_pool_usable() {
    let panic = std::panic::catch_unwind(|| scratch::with(2, |_: &mut [f64]| panic!("mid-sweep")));
    assert!(panic.is_err());
    scratch::with(2, |buffer: &mut [f64]| assert_eq!(buffer, [0.0; 2]));
}

#[test]
fn memory_is_used_again() {
    let mut first: Vec<u16> = Vec::with_capacity(100);
    first.push(7);
    let place = first.as_ptr();
    scratch::give(first);
    let second: Vec<u16> = scratch::take();
    assert!(second.is_empty() && std::ptr::eq(second.as_ptr(), place));
}
