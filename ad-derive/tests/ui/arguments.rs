use ad_api::Scalar;
use ad_derive::differentiable;

#[differentiable]
fn mutable<S: Scalar>(x: &[S], y: &mut [S]) -> S {
    x[0]
}

#[differentiable]
fn closure<S: Scalar>(x: S, f: impl Fn(S) -> S) -> S {
    f(x)
}

#[differentiable]
fn object<S: Scalar>(x: S, f: &dyn Fn(f64) -> f64) -> S {
    x
}

#[differentiable]
fn borrowed<S: Scalar>(pair: (&[S], S)) -> S {
    pair.1
}

#[differentiable]
fn pattern<S: Scalar>([x, y]: [S; 2], _: S) -> S {
    x + y
}

#[differentiable]
fn borrowed_result<S: Scalar>(x: &[S]) -> &[S] {
    x
}

fn main() {}
