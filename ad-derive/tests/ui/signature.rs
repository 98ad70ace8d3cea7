use ad_api::Scalar;
use ad_derive::differentiable;

#[differentiable]
fn not_generic(x: f64) -> f64 {
    x
}

#[differentiable]
fn not_a_scalar<T: Clone>(x: T) -> T {
    x
}

#[differentiable]
fn two_scalars<S: Scalar, T: Scalar>(x: S, y: T) -> S {
    x
}

#[differentiable]
fn another_type<S: Scalar, F: Fn(S) -> S>(f: F, x: S) -> S {
    f(x)
}

#[differentiable]
fn lifetime<'a, S: Scalar>(x: &'a [S]) -> S {
    x[0]
}

#[differentiable]
fn no_arguments<S: Scalar>() -> S {
    S::from(0.0)
}

#[differentiable]
fn only_constants<S: Scalar>(x: &[f64]) -> S {
    S::from(x[0])
}

#[differentiable]
fn no_result<S: Scalar>(x: S) {}

#[differentiable]
fn constant_result<S: Scalar>(x: S) -> Result<f64, ad_api::Failure> {
    Ok(x.primal())
}

#[differentiable]
async fn asynchronous<S: Scalar>(x: S) -> S {
    x
}

#[differentiable]
unsafe fn not_safe<S: Scalar>(x: S) -> S {
    x
}

#[differentiable]
const fn constant<S: Scalar>(x: S) -> S {
    x
}

#[differentiable(active = "x")]
fn wrong_option<S: Scalar>(x: S) -> S {
    x
}

struct Model;

impl Model {
    #[differentiable]
    fn method<S: Scalar>(&self, x: S) -> S {
        x
    }
}

fn main() {}
