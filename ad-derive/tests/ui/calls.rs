use ad_api::{Constant, Scalar};
use ad_derive::differentiable;
use ad_dual::Dual;

#[differentiable]
fn double<S: Scalar>(x: S, y: S) -> [S; 2] {
    [x, y]
}

#[differentiable]
fn sum<S: Scalar>(x: S, y: S) -> S {
    x + y
}

fn main() {
    let _ = double::at(1.0, 2.0).gradient(&Dual::default());
    let gradient = sum::at(1.0, Constant(2.0)).gradient(&Dual::default()).unwrap();
    let _: f64 = gradient.y;
}
