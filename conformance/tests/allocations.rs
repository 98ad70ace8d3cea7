//! Prepared calls allocate nothing.

use ad_api::HigherOrder;
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;

ad_conformance::allocation_suite!(
    dual: Dual::default(),
    native_reverse: NativeReverse::default(),
    fd: ad_fd::Fd::default(),
    dual_over_reverse: HigherOrder::new(Dual::default(), NativeReverse::default()),
    reverse_over_dual: HigherOrder::new(NativeReverse::default(), Dual::default()),
);

mod toys;

/// The toy engines allocate in every sweep: the law must notice.
#[test]
fn an_engine_that_allocates_is_rejected() {
    use ad_conformance::{Law, Subject};
    assert!(!Subject::new(toys::dual::ToyDual).check(Law::AllocatesNothing).is_empty());
}

#[test]
fn counts_on_this_thread_only() {
    use ad_conformance::CountingAllocator;
    let (_, here) = CountingAllocator::count(|| {
        std::thread::scope(|scope| {
            scope.spawn(|| (0..1000).map(|i| vec![i]).collect::<Vec<_>>()).join()
        })
    });
    assert!((1..200).contains(&here), "{here} allocations");
}
