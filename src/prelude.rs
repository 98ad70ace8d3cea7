//! What models, solvers and programs need: `use ad::prelude::*;`.

pub use crate::{
    AdError, AnyBackend, Backend, BackendConfig, Differentiate, Engine, Failure, Function,
    HigherOrder, Lazy, LinearOperator, Params, Prepared, Scalar,
};

#[cfg(feature = "derive")]
pub use crate::differentiable;

#[cfg(feature = "burn")]
pub use crate::Burn;
#[cfg(feature = "candle")]
pub use crate::Candle;
#[cfg(feature = "dual")]
pub use crate::Dual;
#[cfg(feature = "native-reverse")]
pub use crate::NativeReverse;
#[cfg(feature = "num-dual")]
pub use crate::NumDual;
#[cfg(feature = "fd")]
pub use crate::{Fd, FiniteDiff};
