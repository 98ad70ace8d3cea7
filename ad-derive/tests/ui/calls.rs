use ad_api::Scalar;
use ad_derive::differentiable;

#[derive(Clone)]
struct Plain<S>(S);

#[differentiable]
fn not_params<S: Scalar>(plain: &Plain<S>) -> S {
    plain.0
}

#[derive(Clone, ad_derive::Params)]
struct Nested<S> {
    plain: Plain<S>,
}

#[differentiable]
fn sum<S: Scalar>(x: &[S], scale: S) -> S {
    x.iter().copied().sum::<S>() * scale
}

#[differentiable]
fn double<S: Scalar>(x: S) -> [S; 2] {
    [x, x]
}

fn main() {
    let _ = sum::at(&[1.0, 2.0], "two");
    let backend = ad_dual::Dual::default();
    let _ = double::at(1.0).gradient(&backend);
    let gradient = sum::at(&[1.0, 2.0], ad_api::Constant(2.0)).gradient(&backend);
    let _: f64 = gradient.unwrap().scale;
}
