//! One type for every backend that is compiled in, chosen at run time.

mod backend;
mod linearization;
mod prepared;

pub use backend::AnyBackend;
pub use linearization::AnyLinearization;
pub use prepared::AnyPrepared;

/// Runs one expression on whichever engine is inside: the list of what is compiled in.
///
/// The arms of composed backends, which not every enum has, follow.
macro_rules! on_engine {
    ($any:expr, $engine:ident => $body:expr $(, $composed:pat => $other:expr)?) => {
        match $any {
            #[cfg(feature = "dual")]
            Self::Dual($engine) => $body,
            #[cfg(feature = "num-dual")]
            Self::NumDual($engine) => $body,
            #[cfg(feature = "native-reverse")]
            Self::NativeReverse($engine) => $body,
            #[cfg(feature = "fd")]
            Self::Fd($engine) => $body,
            #[cfg(feature = "fd")]
            Self::FiniteDiff($engine) => $body,
            #[cfg(feature = "burn")]
            Self::Burn($engine) => $body,
            #[cfg(feature = "candle")]
            Self::Candle($engine) => $body,
            $($composed => $other,)?
        }
    };
}
use on_engine;
