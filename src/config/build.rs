//! From a description to a backend.

#[cfg(feature = "native-reverse")]
use std::num::NonZero;

#[cfg(feature = "burn")]
use ad_api::array::ArrayBackend;
use ad_api::{AdError, Result};

use super::BackendConfig;
#[cfg(feature = "native-reverse")]
use super::Mode;
#[cfg(feature = "fd")]
use super::Scheme;
#[cfg(any(feature = "burn", feature = "candle"))]
use super::{Device, Precision};
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
            BackendConfig::Dual { chunk } => {
                let dual = ad_dual::Dual::default();
                Ok(chunk.map_or(Ok(dual), |chunk| dual.chunk(chunk))?.into())
            }
            #[cfg(feature = "num-dual")]
            BackendConfig::NumDual { chunk } => {
                let num_dual = ad_dual::NumDual::default();
                Ok(chunk.map_or(Ok(num_dual), |chunk| num_dual.chunk(chunk))?.into())
            }
            #[cfg(feature = "native-reverse")]
            BackendConfig::NativeReverse { mode, threads, exact_functions, budget } => {
                let mode = match mode {
                    None | Some(Mode::Tape) => ad_native_reverse::Mode::Tape,
                    Some(Mode::Compiled) => ad_native_reverse::Mode::Compiled,
                };
                let mut backend = ad_native_reverse::NativeReverse::default().mode(mode);
                if let Some(threads) = threads.and_then(NonZero::new) {
                    backend = backend.threads(threads);
                }
                if let Some(exact) = *exact_functions {
                    backend = backend.exact_functions(exact);
                }
                if let Some(budget) = *budget {
                    backend = backend.budget(budget);
                }
                Ok(backend.into())
            }
            #[cfg(feature = "fd")]
            BackendConfig::Fd { order, adaptive, max_step, lower, upper } => {
                let mut fd = ad_fd::Fd::default();
                if let Some(order) = *order {
                    fd = fd.order(order)?;
                }
                if let Some(adaptive) = *adaptive {
                    fd = fd.adaptive(adaptive);
                }
                if let Some(max_step) = *max_step {
                    fd = fd.max_step(max_step)?;
                }
                if let Some((lower, upper)) = bounds(lower.as_deref(), upper.as_deref())? {
                    fd = fd.bounds(lower, upper)?;
                }
                Ok(fd.into())
            }
            #[cfg(feature = "fd")]
            BackendConfig::FiniteDiff { scheme } => Ok(match scheme {
                Some(Scheme::Forward) => ad_fd::FiniteDiff::forward().into(),
                Some(Scheme::Central) | None => ad_fd::FiniteDiff::central().into(),
            }),
            #[cfg(feature = "burn")]
            BackendConfig::Burn { device, precision } => Ok(burn(*device, *precision)?.into()),
            #[cfg(feature = "candle")]
            BackendConfig::Candle { device, precision } => Ok(candle(*device, *precision)?.into()),
            BackendConfig::HigherOrder { outer, inner } => {
                Ok(AnyBackend::higher_order(outer.part("outer")?, inner.part("inner")?))
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

    /// As [`build`](Self::build), for the `outer` or `inner` backend of a pair.
    fn part(&self, setting: &'static str) -> Result<AnyBackend> {
        if matches!(self, BackendConfig::Auto { .. }) {
            return Err(AdError::Setting {
                setting,
                found: "\"auto\"".into(),
                expected: "a definite backend; `auto` cannot be part of a pair",
            });
        }
        self.build()
    }
}

/// The engine of the crate `burn` on a device that is compiled in.
#[cfg(feature = "burn")]
pub(crate) fn burn(device: Option<Device>, precision: Option<Precision>) -> Result<ad_burn::Burn> {
    let burn = match device.unwrap_or(Device::Cpu) {
        Device::Cpu => ad_burn::Burn::cpu(),
        #[cfg(feature = "wgpu")]
        Device::Wgpu => ad_burn::Burn::wgpu()?,
        #[cfg(feature = "cuda")]
        Device::Cuda => ad_burn::Burn::cuda(0)?,
        #[allow(unreachable_patterns, reason = "reachable where a feature is off")]
        missing => return Err(no_device("burn", missing)),
    };
    let burn = match precision {
        None => burn,
        Some(Precision::F32) => burn.precision(ad_burn::Precision::F32),
        Some(Precision::F64) => burn.precision(ad_burn::Precision::F64),
    };
    // Whether the device is there, and has the precision.
    ArrayBackend::device(&burn)?;
    Ok(burn)
}

/// The engine of the crate `candle-core` on a device that is compiled in.
#[cfg(feature = "candle")]
pub(crate) fn candle(
    device: Option<Device>,
    precision: Option<Precision>,
) -> Result<ad_candle::Candle> {
    let candle = match device.unwrap_or(Device::Cpu) {
        Device::Cpu => ad_candle::Candle::cpu(),
        #[cfg(feature = "cuda")]
        Device::Cuda => ad_candle::Candle::cuda(0)?,
        #[allow(unreachable_patterns, reason = "reachable where a feature is off")]
        missing => return Err(no_device("candle", missing)),
    };
    Ok(match precision {
        None => candle,
        Some(Precision::F32) => candle.precision(ad_candle::Precision::F32),
        Some(Precision::F64) => candle.precision(ad_candle::Precision::F64),
    })
}

/// The error for a device that an engine does not have, or not as it is compiled.
#[cfg(any(feature = "burn", feature = "candle"))]
fn no_device(engine: &'static str, device: Device) -> AdError {
    let expected = match (engine, device) {
        ("candle", Device::Wgpu) => "`cpu` or `cuda`: candle has no `wgpu`, the backend `burn` has",
        (_, Device::Wgpu) => "`cpu`; the feature `wgpu` of the crate `ad` adds GPUs",
        _ => "`cpu`; the feature `cuda` of the crate `ad` adds NVIDIA GPUs",
    };
    AdError::Setting { setting: "device", found: format!("{:?}", device.name()), expected }
}

/// Both bounds, where one or both are given; the other is infinite.
#[cfg(feature = "fd")]
fn bounds(lower: Option<&[f64]>, upper: Option<&[f64]>) -> Result<Option<(Vec<f64>, Vec<f64>)>> {
    Ok(match (lower, upper) {
        (None, None) => None,
        (Some(lower), None) => Some((lower.to_vec(), vec![f64::INFINITY; lower.len()])),
        (None, Some(upper)) => Some((vec![f64::NEG_INFINITY; upper.len()], upper.to_vec())),
        (Some(lower), Some(upper)) => {
            AdError::check_len("upper", upper.len(), lower.len(), "as many as `lower`")?;
            Some((lower.to_vec(), upper.to_vec()))
        }
    })
}
