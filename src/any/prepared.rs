//! The hot path, by whichever backend.

use ad_api::{Backend, Function, HigherOrderPrepared, Prepared, Result, Shape};
use nalgebra::{DMatrix, DVector};

use super::{AnyBackend, on_engine};

/// The preparation of [`AnyBackend`]: that of the backend inside, with its tapes and buffers.
#[derive(Clone)]
#[non_exhaustive]
pub enum AnyPrepared<F: Function> {
    /// Of `dual`.
    #[cfg(feature = "dual")]
    Dual(Box<<ad_dual::Dual as Backend>::Prepared<F>>),
    /// Of `num-dual`.
    #[cfg(feature = "num-dual")]
    NumDual(Box<<ad_dual::NumDual as Backend>::Prepared<F>>),
    /// Of `native-reverse`.
    #[cfg(feature = "native-reverse")]
    NativeReverse(Box<<ad_native_reverse::NativeReverse as Backend>::Prepared<F>>),
    /// Of `fd`.
    #[cfg(feature = "fd")]
    Fd(Box<<ad_fd::Fd as Backend>::Prepared<F>>),
    /// Of `finitediff`.
    #[cfg(feature = "fd")]
    FiniteDiff(Box<<ad_fd::FiniteDiff as Backend>::Prepared<F>>),
    /// Of `burn`.
    #[cfg(feature = "burn")]
    Burn(Box<<ad_burn::Burn as Backend>::Prepared<F>>),
    /// Of `candle`.
    #[cfg(feature = "candle")]
    Candle(Box<<ad_candle::Candle as Backend>::Prepared<F>>),
    /// Of two composed backends.
    HigherOrder(Box<HigherOrderPrepared<AnyBackend, AnyBackend, F>>),
}

impl<F: Function> AnyPrepared<F> {
    pub(super) fn new(backend: &AnyBackend, f: &F, x: &[f64]) -> Result<Self> {
        Ok(match backend {
            #[cfg(feature = "dual")]
            AnyBackend::Dual(engine) => Self::Dual(Box::new(engine.prepare(f, x)?)),
            #[cfg(feature = "num-dual")]
            AnyBackend::NumDual(engine) => Self::NumDual(Box::new(engine.prepare(f, x)?)),
            #[cfg(feature = "native-reverse")]
            AnyBackend::NativeReverse(engine) => {
                Self::NativeReverse(Box::new(engine.prepare(f, x)?))
            }
            #[cfg(feature = "fd")]
            AnyBackend::Fd(engine) => Self::Fd(Box::new(engine.prepare(f, x)?)),
            #[cfg(feature = "fd")]
            AnyBackend::FiniteDiff(engine) => Self::FiniteDiff(Box::new(engine.prepare(f, x)?)),
            #[cfg(feature = "burn")]
            AnyBackend::Burn(engine) => Self::Burn(Box::new(engine.prepare(f, x)?)),
            #[cfg(feature = "candle")]
            AnyBackend::Candle(engine) => Self::Candle(Box::new(engine.prepare(f, x)?)),
            AnyBackend::HigherOrder(pair) => Self::HigherOrder(Box::new(pair.prepare(f, x)?)),
        })
    }
}

/// Writes methods that call the one of the same name on the preparation inside.
macro_rules! forward {
    ($(fn $name:ident($($arg:ident: $Arg:ty),*) -> $Out:ty;)*) => {$(
        fn $name(&mut self $(, $arg: $Arg)*) -> Result<$Out> {
            on_engine!(self, prepared => prepared.$name($($arg),*),
                Self::HigherOrder(prepared) => prepared.$name($($arg),*))
        }
    )*};
}

#[deny(clippy::missing_trait_methods, reason = "a default would lose the backend's own method")]
impl<F: Function> Prepared for AnyPrepared<F> {
    fn shape(&self) -> Shape {
        on_engine!(self, prepared => prepared.shape(),
            Self::HigherOrder(prepared) => prepared.shape())
    }

    forward! {
        fn value(x: &[f64]) -> DVector<f64>;
        fn value_into(x: &[f64], y: &mut [f64]) -> ();
        fn pushforward(x: &[f64], x_dot: &[f64]) -> DVector<f64>;
        fn pushforward_into(x: &[f64], x_dot: &[f64], y_dot: &mut [f64]) -> ();
        fn value_and_pushforward(x: &[f64], x_dot: &[f64]) -> (DVector<f64>, DVector<f64>);
        fn value_and_pushforward_into(x: &[f64], x_dot: &[f64], y: &mut [f64], y_dot: &mut [f64]) -> ();
        fn pullback(x: &[f64], y_bar: &[f64]) -> DVector<f64>;
        fn pullback_into(x: &[f64], y_bar: &[f64], x_bar: &mut [f64]) -> ();
        fn value_and_pullback(x: &[f64], y_bar: &[f64]) -> (DVector<f64>, DVector<f64>);
        fn value_and_pullback_into(x: &[f64], y_bar: &[f64], y: &mut [f64], x_bar: &mut [f64]) -> ();
        fn jacobian(x: &[f64]) -> DMatrix<f64>;
        fn jacobian_into(x: &[f64], jacobian: &mut DMatrix<f64>) -> ();
        fn value_and_jacobian(x: &[f64]) -> (DVector<f64>, DMatrix<f64>);
        fn value_and_jacobian_into(x: &[f64], y: &mut [f64], jacobian: &mut DMatrix<f64>) -> ();
        fn derivative(x: f64) -> f64;
        fn derivative_into(x: f64, derivative: &mut [f64]) -> ();
        fn value_and_derivative(x: f64) -> (f64, f64);
        fn value_and_derivative_into(x: f64, y: &mut [f64], derivative: &mut [f64]) -> ();
        fn gradient(x: &[f64]) -> DVector<f64>;
        fn gradient_into(x: &[f64], gradient: &mut [f64]) -> ();
        fn value_and_gradient(x: &[f64]) -> (f64, DVector<f64>);
        fn value_and_gradient_into(x: &[f64], gradient: &mut [f64]) -> f64;
        fn second_derivative(x: f64) -> f64;
        fn second_derivative_into(x: f64, second: &mut [f64]) -> ();
        fn value_and_second_derivative(x: f64) -> (f64, f64);
        fn value_and_second_derivative_into(x: f64, y: &mut [f64], second: &mut [f64]) -> ();
        fn value_derivative_and_second_derivative(x: f64) -> (f64, f64, f64);
        fn value_derivative_and_second_derivative_into(x: f64, y: &mut [f64], derivative: &mut [f64], second: &mut [f64]) -> ();
        fn hessian(x: &[f64]) -> DMatrix<f64>;
        fn hessian_into(x: &[f64], hessian: &mut DMatrix<f64>) -> ();
        fn value_and_hessian(x: &[f64]) -> (f64, DMatrix<f64>);
        fn value_and_hessian_into(x: &[f64], hessian: &mut DMatrix<f64>) -> f64;
        fn value_gradient_and_hessian(x: &[f64]) -> (f64, DVector<f64>, DMatrix<f64>);
        fn value_gradient_and_hessian_into(x: &[f64], gradient: &mut [f64], hessian: &mut DMatrix<f64>) -> f64;
        fn hvp(x: &[f64], v: &[f64]) -> DVector<f64>;
        fn hvp_into(x: &[f64], v: &[f64], hv: &mut [f64]) -> ();
        fn value_and_hvp(x: &[f64], v: &[f64]) -> (f64, DVector<f64>);
        fn value_and_hvp_into(x: &[f64], v: &[f64], hv: &mut [f64]) -> f64;
        fn value_gradient_and_hvp(x: &[f64], v: &[f64]) -> (f64, DVector<f64>, DVector<f64>);
        fn value_gradient_and_hvp_into(x: &[f64], v: &[f64], gradient: &mut [f64], hv: &mut [f64]) -> f64;
        fn value_gradient_and_weighted_hvp_into(x: &[f64], w: &[f64], v: &[f64], gradient: &mut [f64], hv: &mut [f64]) -> f64;
        fn weighted_hessian(x: &[f64], w: &[f64]) -> DMatrix<f64>;
        fn weighted_hessian_into(x: &[f64], w: &[f64], hessian: &mut DMatrix<f64>) -> ();
        fn value_and_weighted_hessian(x: &[f64], w: &[f64]) -> (f64, DMatrix<f64>);
        fn value_and_weighted_hessian_into(x: &[f64], w: &[f64], hessian: &mut DMatrix<f64>) -> f64;
        fn value_gradient_and_weighted_hessian_into(x: &[f64], w: &[f64], gradient: &mut [f64], hessian: &mut DMatrix<f64>) -> f64;
    }
}
