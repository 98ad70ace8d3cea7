//! The Jacobian at a point, by whichever backend.

use std::fmt;

use ad_api::{Backend, Function, LinearOperator, Result};
use nalgebra::{DMatrix, DVector};

use super::{AnyBackend, on_engine};

/// The linearization of [`AnyBackend`]: that of the backend inside.
#[derive(Clone)]
#[non_exhaustive]
pub enum AnyLinearization<F: Function> {
    /// Of `dual`.
    #[cfg(feature = "dual")]
    Dual(<ad_dual::Dual as Backend>::Linearization<F>),
    /// Of `num-dual`.
    #[cfg(feature = "num-dual")]
    NumDual(<ad_dual::NumDual as Backend>::Linearization<F>),
    /// Of `native-reverse`.
    #[cfg(feature = "native-reverse")]
    NativeReverse(<ad_native_reverse::NativeReverse as Backend>::Linearization<F>),
    /// Of `fd`.
    #[cfg(feature = "fd")]
    Fd(<ad_fd::Fd as Backend>::Linearization<F>),
    /// Of `finitediff`.
    #[cfg(feature = "fd")]
    FiniteDiff(<ad_fd::FiniteDiff as Backend>::Linearization<F>),
    /// Of `burn`.
    #[cfg(feature = "burn")]
    Burn(<ad_burn::Burn as Backend>::Linearization<F>),
    /// Of `candle`.
    #[cfg(feature = "candle")]
    Candle(<ad_candle::Candle as Backend>::Linearization<F>),
}

impl<F: Function> AnyLinearization<F> {
    pub(super) fn new(backend: &AnyBackend, f: &F, x: &[f64]) -> Result<(DVector<f64>, Self)> {
        match backend {
            #[cfg(feature = "dual")]
            AnyBackend::Dual(engine) => {
                engine.linearize(f, x).map(|(y, operator)| (y, Self::Dual(operator)))
            }
            #[cfg(feature = "num-dual")]
            AnyBackend::NumDual(engine) => {
                engine.linearize(f, x).map(|(y, operator)| (y, Self::NumDual(operator)))
            }
            #[cfg(feature = "native-reverse")]
            AnyBackend::NativeReverse(engine) => {
                engine.linearize(f, x).map(|(y, operator)| (y, Self::NativeReverse(operator)))
            }
            #[cfg(feature = "fd")]
            AnyBackend::Fd(engine) => {
                engine.linearize(f, x).map(|(y, operator)| (y, Self::Fd(operator)))
            }
            #[cfg(feature = "fd")]
            AnyBackend::FiniteDiff(engine) => {
                engine.linearize(f, x).map(|(y, operator)| (y, Self::FiniteDiff(operator)))
            }
            #[cfg(feature = "burn")]
            AnyBackend::Burn(engine) => {
                engine.linearize(f, x).map(|(y, operator)| (y, Self::Burn(operator)))
            }
            #[cfg(feature = "candle")]
            AnyBackend::Candle(engine) => {
                engine.linearize(f, x).map(|(y, operator)| (y, Self::Candle(operator)))
            }
            AnyBackend::HigherOrder(pair) => Self::new(pair.inner(), f, x),
        }
    }
}

impl<F: Function> fmt::Debug for AnyLinearization<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        on_engine!(self, operator => operator.fmt(f))
    }
}

#[deny(clippy::missing_trait_methods, reason = "a default would lose the backend's own method")]
impl<F: Function> LinearOperator for AnyLinearization<F> {
    fn rows(&self) -> usize {
        on_engine!(self, operator => operator.rows())
    }

    fn columns(&self) -> usize {
        on_engine!(self, operator => operator.columns())
    }

    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()> {
        on_engine!(self, operator => operator.apply_into(v, out))
    }

    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()> {
        on_engine!(self, operator => operator.apply_transpose_into(w, out))
    }

    fn apply(&self, v: &[f64]) -> Result<DVector<f64>> {
        on_engine!(self, operator => operator.apply(v))
    }

    fn apply_transpose(&self, w: &[f64]) -> Result<DVector<f64>> {
        on_engine!(self, operator => operator.apply_transpose(w))
    }

    fn materialize(&self) -> Result<DMatrix<f64>> {
        on_engine!(self, operator => operator.materialize())
    }
}
