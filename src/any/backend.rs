//! The enum over the backends.

use ad_api::{
    Accuracy, Backend, Capability, Engine, Evaluations, Function, HigherOrder, Jacobian, Pullback,
    Pushforward, Result, Scalar, Shape,
};
use nalgebra::DVector;

use super::{AnyLinearization, AnyPrepared, on_engine};

/// A backend chosen at run time: one of those compiled in, or two of them composed.
///
/// It is a [`Backend`] like the others, so whatever is generic over `B: Backend` runs with it. Each
/// call costs one `match` more than the backend inside; preparations and linearizations are the
/// backend's own, so nothing that it keeps between calls is lost.
///
/// The price is compile time: a function is compiled for every engine, with second derivatives for
/// every pair, and with [`third_derivative`](crate::Differentiate::third_derivative) for every triple.
/// Third derivatives are better asked of a backend that is a type.
///
/// Made from a [`BackendConfig`](crate::BackendConfig), or from a backend with `into()`.
///
/// ```
/// use ad::prelude::*;
/// # #[derive(Clone)] struct Cubic;
/// # impl Function for Cubic {
/// #     fn inputs(&self) -> usize { 2 }
/// #     fn outputs(&self) -> usize { 1 }
/// #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
/// #         y[0] = x[0] * x[0] * x[1]; Ok(())
/// #     }
/// # }
/// // f(x, y) = x² y
/// for name in ["dual", "native-reverse", "dual/native-reverse"] {
///     let backend: AnyBackend = name.parse()?;
///     assert_eq!(backend.gradient(&Cubic, &[1.0, 2.0])?.as_slice(), [4.0, 1.0]);
///     assert_eq!(backend.hessian(&Cubic, &[1.0, 2.0])?.as_slice(), [4.0, 2.0, 2.0, 0.0]);
/// }
/// # Ok::<(), ad::AdError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AnyBackend {
    /// Forward mode with lanes.
    #[cfg(feature = "dual")]
    Dual(ad_dual::Dual),
    /// Forward mode in the numbers of the crate `num-dual`.
    #[cfg(feature = "num-dual")]
    NumDual(ad_dual::NumDual),
    /// Reverse mode on a tape.
    #[cfg(feature = "native-reverse")]
    NativeReverse(ad_native_reverse::NativeReverse),
    /// Finite differences with adaptive stencils.
    #[cfg(feature = "fd")]
    Fd(ad_fd::Fd),
    /// Finite differences by the crate `finitediff`.
    #[cfg(feature = "fd")]
    FiniteDiff(ad_fd::FiniteDiff),
    /// Tensors of the crate `burn`.
    #[cfg(feature = "burn")]
    Burn(ad_burn::Burn),
    /// Tensors of the crate `candle-core`.
    #[cfg(feature = "candle")]
    Candle(ad_candle::Candle),
    /// One backend over another.
    HigherOrder(Box<HigherOrder<AnyBackend, AnyBackend>>),
}

impl AnyBackend {
    /// `outer` over `inner`: first derivatives by `inner`, differentiated by `outer`.
    pub fn higher_order(outer: AnyBackend, inner: AnyBackend) -> Self {
        AnyBackend::HigherOrder(Box::new(HigherOrder::new(outer, inner)))
    }
}

macro_rules! from {
    ($($feature:literal $Variant:ident($Engine:ty);)*) => {$(
        #[cfg(feature = $feature)]
        impl From<$Engine> for AnyBackend {
            fn from(backend: $Engine) -> Self {
                AnyBackend::$Variant(backend)
            }
        }
    )*};
}

from! {
    "dual" Dual(ad_dual::Dual);
    "num-dual" NumDual(ad_dual::NumDual);
    "native-reverse" NativeReverse(ad_native_reverse::NativeReverse);
    "fd" Fd(ad_fd::Fd);
    "fd" FiniteDiff(ad_fd::FiniteDiff);
    "burn" Burn(ad_burn::Burn);
    "candle" Candle(ad_candle::Candle);
}

impl<O: Into<AnyBackend> + Backend, I: Into<AnyBackend> + Backend> From<HigherOrder<O, I>>
    for AnyBackend
{
    fn from(pair: HigherOrder<O, I>) -> Self {
        AnyBackend::higher_order(pair.outer().clone().into(), pair.inner().clone().into())
    }
}

#[deny(clippy::missing_trait_methods, reason = "a default would lose the backend's own method")]
impl Engine for AnyBackend {
    fn name(&self) -> String {
        on_engine!(self, engine => engine.name(), Self::HigherOrder(pair) => pair.name())
    }

    fn accuracy(&self) -> Accuracy {
        on_engine!(self, engine => engine.accuracy(), Self::HigherOrder(pair) => pair.accuracy())
    }

    fn lanes(&self, shape: Shape) -> usize {
        on_engine!(self, engine => engine.lanes(shape),
            Self::HigherOrder(pair) => pair.lanes(shape))
    }

    fn sweeps(&self, shape: Shape, seeds: usize) -> Evaluations {
        on_engine!(self, engine => engine.sweeps(shape, seeds),
            Self::HigherOrder(pair) => pair.sweeps(shape, seeds))
    }

    fn nested(&self) -> Self {
        on_engine!(self, engine => engine.nested().into(),
            Self::HigherOrder(pair) => Self::HigherOrder(Box::new(pair.nested())))
    }

    fn lifts(&self) -> bool {
        on_engine!(self, engine => engine.lifts(), Self::HigherOrder(pair) => pair.lifts())
    }
}

// A composed backend hands its first-order primitives to the inner one and wraps no function: if
// it made a `Gradient<AnyBackend, F>` here, the compiler would need the primitives for
// `Gradient<AnyBackend, Gradient<AnyBackend, F>>`, and so on without end.

impl Pushforward for AnyBackend {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        on_engine!(self, engine => engine.pushforward_sweep(f, x, x_dot, y, y_dot),
            Self::HigherOrder(pair) => pair.inner().pushforward_sweep(f, x, x_dot, y, y_dot))
    }

    fn pushforward_capability(&self, shape: Shape, tangents: usize) -> Capability {
        on_engine!(self, engine => engine.pushforward_capability(shape, tangents),
            Self::HigherOrder(pair) => pair.pushforward_capability(shape, tangents))
    }
}

impl Pullback for AnyBackend {
    fn pullback_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        on_engine!(self, engine => engine.pullback_sweep(f, x, y_bar, y, x_bar),
            Self::HigherOrder(pair) => pair.inner().pullback_sweep(f, x, y_bar, y, x_bar))
    }

    fn pullback_capability(&self, shape: Shape, cotangents: usize) -> Capability {
        on_engine!(self, engine => engine.pullback_capability(shape, cotangents),
            Self::HigherOrder(pair) => pair.pullback_capability(shape, cotangents))
    }
}

impl Jacobian for AnyBackend {
    fn jacobian_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        on_engine!(self, engine => engine.jacobian_sweep(f, x, y, jacobian),
            Self::HigherOrder(pair) => pair.inner().jacobian_sweep(f, x, y, jacobian))
    }

    fn jacobian_capability(&self, shape: Shape) -> Capability {
        on_engine!(self, engine => engine.jacobian_capability(shape),
            Self::HigherOrder(pair) => pair.jacobian_capability(shape))
    }
}

impl Backend for AnyBackend {
    type Outer = Self;
    type Inner = Self;
    type Prepared<F: Function> = AnyPrepared<F>;
    type Linearization<F: Function> = AnyLinearization<F>;

    fn outer(&self) -> &Self {
        match self {
            Self::HigherOrder(pair) => pair.outer(),
            single => single,
        }
    }

    fn inner(&self) -> &Self {
        match self {
            Self::HigherOrder(pair) => pair.inner(),
            single => single,
        }
    }

    fn prepare<F: Function>(&self, f: &F, x: &[f64]) -> Result<AnyPrepared<F>> {
        AnyPrepared::new(self, f, x)
    }

    fn linearize<F: Function>(
        &self,
        f: &F,
        x: &[f64],
    ) -> Result<(DVector<f64>, AnyLinearization<F>)> {
        AnyLinearization::new(self, f, x)
    }
}
