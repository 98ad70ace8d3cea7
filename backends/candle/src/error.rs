//! candle's errors as ours.

use ad_api::AdError;

/// Turns what candle reports in `operation` into an [`AdError::Engine`].
pub(crate) fn engine(operation: &'static str) -> impl Fn(candle_core::Error) -> AdError {
    move |error| AdError::Engine { backend: crate::NAME.into(), operation, cause: error.into() }
}
