//! Preparations survive failures and go to other threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{HigherOrder, Scalar};
use ad_derive::{Params, differentiable};
use ad_dual::Dual;

#[derive(Debug, Clone, PartialEq, Params)]
struct Weights<S> {
    values: Vec<S>,
}

#[differentiable]
fn product<S: Scalar>(weights: &Weights<S>, x: &[S]) -> S {
    assert!(x[0] > 0.0, "not positive");
    weights.values.iter().zip(x).map(|(&w, &x)| w * x).sum()
}

fn weights() -> Weights<f64> {
    Weights { values: vec![1.0, 2.0] }
}

#[test]
fn a_panic_leaves_the_preparation_usable() {
    let at = product::at(&weights(), &[3.0, 4.0]);
    let mut prepared = at.prepare(&Dual::default()).unwrap();
    let mut bad = at.point().clone();
    bad.x[0] = -1.0;
    assert!(catch_unwind(AssertUnwindSafe(|| prepared.gradient(&bad))).is_err());
    assert_eq!(prepared.gradient(at.point()).unwrap().weights.values, [3.0, 4.0]);
}

#[test]
fn a_clone_serves_another_thread() {
    let at = product::at(&weights(), &[3.0, 4.0]);
    let mut prepared = at.prepare(&Dual::default()).unwrap();
    let mut clone = prepared.clone();
    let point = at.point().clone();
    let there = std::thread::spawn(move || clone.gradient(&point).unwrap()).join().unwrap();
    assert_eq!(there, prepared.gradient(at.point()).unwrap());
}

#[test]
fn constants_of_one_call_do_not_reach_the_next() {
    // Both calls build their weights in the same memory.
    for scale in [1.0, 10.0] {
        let weights = Weights { values: vec![scale; 3] };
        let at = product::at(ad_api::Constant(&weights), &[1.0, 1.0, 1.0]);
        assert_eq!(at.gradient(&Dual::default()).unwrap().x, [scale; 3]);
    }
    let shorter = product::at(ad_api::Constant(&weights()), &[1.0, 1.0]);
    assert_eq!(shorter.gradient(&Dual::default()).unwrap().x, [1.0, 2.0]);
}

#[test]
fn backends_nest() {
    let backend =
        HigherOrder::new(Dual::default(), HigherOrder::new(Dual::default(), Dual::default()));
    let hessian = product::at(&weights(), &[3.0, 4.0]).hessian(&backend).unwrap();
    // The mixed derivatives of Σ wᵢ xᵢ are 1, all others 0.
    for i in 0..4 {
        for j in 0..4 {
            assert_eq!(hessian[(i, j)], if i.abs_diff(j) == 2 { 1.0 } else { 0.0 });
        }
    }
}

#[differentiable]
fn counted<S: Scalar>(x: &[S], calls: &Arc<AtomicUsize>) -> S {
    calls.fetch_add(1, Ordering::Relaxed);
    x.iter().copied().sum()
}

#[differentiable]
fn counted_vector<S: Scalar>(x: &[S], calls: &Arc<AtomicUsize>) -> Vec<S> {
    calls.fetch_add(1, Ordering::Relaxed);
    x.to_vec()
}

#[test]
fn only_results_of_open_length_cost_an_evaluation() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = || calls.swap(0, Ordering::Relaxed);
    // The engine carries the two tangents in one evaluation.
    counted::at(&[1.0, 2.0], &calls).gradient(&Dual::default()).unwrap();
    assert_eq!(count(), 1);
    let at = counted_vector::at(&[1.0, 2.0], &calls);
    let mut prepared = at.prepare(&Dual::default()).unwrap();
    assert_eq!(count(), 1);
    prepared.jacobian(at.point()).unwrap();
    assert_eq!(count(), 1);
}
