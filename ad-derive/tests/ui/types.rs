use ad_api::Scalar;
use ad_derive::differentiable;

#[derive(Clone)]
struct Plain<S>(S);

#[differentiable]
fn not_params<S: Scalar>(plain: &Plain<S>) -> S {
    plain.0
}

#[differentiable]
fn sum<S: Scalar>(x: &[S], scale: S) -> S {
    x.iter().copied().sum::<S>() * scale
}

fn main() {
    let _ = sum::at(&[1.0, 2.0], "two");
}
