//! A prepared call allocates nothing, whatever its arguments own.

use ad_api::{Constant, Scalar};
use ad_conformance::CountingAllocator;
use ad_derive::{Params, differentiable};
use ad_dual::Dual;
use nalgebra::{DVector, dvector};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[derive(Debug, Clone, Params)]
struct Layer<S> {
    weights: Vec<S>,
    #[params(constant)]
    name: String,
}

#[differentiable]
fn energy<S: Scalar>(layers: &[Layer<S>], x: &DVector<S>, shift: &[S], scale: S) -> S {
    let sum: S = layers.iter().flat_map(|layer| &layer.weights).map(|&w| w * w).sum();
    (sum + x.dot(x) + shift[0]) * scale
}

#[test]
fn prepared_calls_allocate_nothing() {
    let layer = |weights| Layer { weights, name: "layer".into() };
    let layers = [layer(vec![1.0, 2.0]), layer(vec![3.0])];
    let at = energy::at(&layers, &dvector![4.0, 5.0], Constant(&[6.0]), 2.0);
    let mut prepared = at.prepare(&Dual::default()).unwrap();
    let (mut point, mut gradient, tangent) = (at.point().clone(), at.zeros(), at.zeros());
    let (mut value, mut derivative) = (0.0, 0.0);
    let mut calls = |expected: f64| {
        let value_of_gradient = prepared.value_and_gradient_into(&point, &mut gradient).unwrap();
        prepared.value_into(&point, &mut value).unwrap();
        prepared.value_and_pushforward_into(&point, &tangent, &mut value, &mut derivative).unwrap();
        prepared.value_and_hvp_into(&point, &tangent, &mut gradient).unwrap();
        assert_eq!((value, value_of_gradient), (expected, expected));
        point.scale += 1.0;
    };
    calls(61.0 * 2.0);
    let ((), count) = CountingAllocator::count(|| calls(61.0 * 3.0));
    assert_eq!(count, 0);
    // The measurement itself works.
    assert_eq!(CountingAllocator::count(|| drop(std::hint::black_box(vec![0.0]))).1, 1);
}
