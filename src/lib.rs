//! Write a function once, differentiate it with any engine.

#[cfg(not(any(feature = "dual", feature = "native-reverse", feature = "fd")))]
compile_error!("`ad` needs a backend: enable one of the features `dual`, `native-reverse`, `fd`");

mod any;
mod auto;
mod config;
pub mod guide;
pub mod prelude;
mod registry;

pub use ad_api::*;
pub use any::{AnyBackend, AnyLinearization, AnyPrepared};
pub use auto::{Choice, Measurement, Outcome};
pub use config::BackendConfig;
pub use registry::{CapabilityRow, Kind, backends, capability_row, kinds, pairs};

#[cfg(feature = "dual")]
pub use ad_dual::{self as dual, Dual};
#[cfg(feature = "fd")]
pub use ad_fd::{self as fd, Fd};
#[cfg(feature = "native-reverse")]
pub use ad_native_reverse::{self as native_reverse, NativeReverse};
