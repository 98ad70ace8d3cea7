//! From a description to a backend.

use ad_api::{AdError, Result};

use super::BackendConfig;
use crate::AnyBackend;

impl BackendConfig {
    /// The backend that is described.
    ///
    /// # Errors
    ///
    /// [`AdError::UnknownBackend`] for a kind that is not compiled in, [`AdError::Setting`] for a value
    /// out of range. `auto` cannot be built, since it depends on the problem: see
    /// [`choose`](Self::choose).
    pub fn build(&self) -> Result<AnyBackend> {
        match self {
            #[cfg(feature = "dual")]
            BackendConfig::Dual { chunk: _ } => Ok(ad_dual::Dual::default().into()),
            #[cfg(feature = "native-reverse")]
            BackendConfig::NativeReverse {} => {
                Ok(ad_native_reverse::NativeReverse::default().into())
            }
            BackendConfig::HigherOrder { outer, inner } => {
                Ok(AnyBackend::higher_order(outer.build()?, inner.build()?))
            }
            BackendConfig::Auto { .. } => Err(AdError::Setting {
                setting: "kind",
                found: "\"auto\"".into(),
                expected: "a definite backend; `auto` is resolved by `choose`, for a function at a point",
            }),
            #[allow(unreachable_patterns, reason = "reachable where a feature is off")]
            missing => Err(crate::registry::unknown(missing.kind())),
        }
    }
}
