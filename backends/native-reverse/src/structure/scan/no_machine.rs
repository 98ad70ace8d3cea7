//! Without the feature `jit` there is no machine code.

use ad_api::AdError;

use super::areas::{Areas, Way};
use super::plan::Plan;

/// There is none.
#[derive(Debug)]
pub(super) enum Machine {}

impl Machine {
    pub(super) fn new(_: &Plan) -> Result<Self, AdError> {
        Err(AdError::Unsupported {
            backend: "native-reverse".into(),
            operation: "machine code",
            reason: "the feature `jit` is not enabled".into(),
        })
    }

    pub(super) fn forward(&mut self, _: &Plan, _: Way, _: &mut Areas<'_>, _: usize) -> usize {
        match *self {}
    }

    pub(super) fn bytes(&self) -> usize {
        match *self {}
    }

    pub(super) fn backward(&mut self, _: &Plan, _: &mut Areas<'_>, _: usize) {
        match *self {}
    }
}
