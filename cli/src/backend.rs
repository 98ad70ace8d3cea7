//! The backend that the user asks for.

use std::fs;

use ad::{BackendConfig, Device, Precision};
use serde::Deserialize;

use crate::InputError;

/// The contents of a configuration file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    backend: BackendConfig,
}

/// The backend in the table `[backend]` of a TOML file.
///
/// # Errors
///
/// [`InputError`] for a file that cannot be read, is no TOML or describes no backend.
pub fn from_file(path: &str) -> Result<BackendConfig, InputError> {
    let text = fs::read_to_string(path)
        .map_err(|source| InputError::Unreadable { path: path.into(), source })?;
    let config: Config = toml::from_str(&text).map_err(|error| {
        let before = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.bytes().take(before).filter(|&byte| byte == b'\n').count() as u64 + 1;
        let reason = error.message().lines().collect::<Vec<_>>().join(" ");
        InputError::Format { path: path.into(), line, reason }
    })?;
    Ok(config.backend)
}

/// The backend by its name, or in a configuration file if one is given.
///
/// # Errors
///
/// As [`from_file`]; [`InputError::Backend`] for a name that is unknown or not compiled in.
pub fn choose(name: &str, file: Option<&str>) -> Result<BackendConfig, InputError> {
    match file {
        Some(path) => from_file(path),
        None => Ok(name.parse()?),
    }
}

/// The same backend on this device and in this precision, where they are given.
///
/// # Errors
///
/// [`InputError::Unsuited`] for a backend other than burn and candle.
pub fn placed(
    config: BackendConfig,
    device: Option<Device>,
    precision: Option<Precision>,
) -> Result<BackendConfig, InputError> {
    let option = match (device, precision) {
        (Some(_), _) => "--device",
        (None, Some(_)) => "--precision",
        (None, None) => return Ok(config),
    };
    match config {
        BackendConfig::Burn { device: d, precision: p } => {
            Ok(BackendConfig::Burn { device: device.or(d), precision: precision.or(p) })
        }
        BackendConfig::Candle { device: d, precision: p } => {
            Ok(BackendConfig::Candle { device: device.or(d), precision: precision.or(p) })
        }
        BackendConfig::HigherOrder { outer, inner } => {
            Ok(BackendConfig::higher_order(*outer, placed(*inner, device, precision)?))
        }
        other => Err(InputError::Unsuited {
            option,
            what: format!("backend `{other}`"),
            reason: format!("it runs on the CPU in f64; {}", tensor_backends()),
        }),
    }
}

/// The backends that have devices, and how to get those that are not compiled in.
fn tensor_backends() -> String {
    let tensors = ad::kinds().iter().filter(|kind| ["burn", "candle"].contains(&kind.name));
    let list: Vec<_> = tensors
        .map(|kind| {
            let name = kind.name;
            if kind.compiled {
                format!("`{name}` has devices")
            } else {
                format!("`{name}` would have devices: the feature `{}` adds it", kind.feature)
            }
        })
        .collect();
    list.join(", ")
}

/// A device by its name.
///
/// # Errors
///
/// What would be accepted.
pub fn device(text: &str) -> Result<Device, String> {
    let known = Device::ALL.into_iter().find(|device| device.name() == text);
    known.ok_or_else(|| "expected cpu, wgpu or cuda".into())
}

/// A precision by its name.
///
/// # Errors
///
/// What would be accepted.
pub fn precision(text: &str) -> Result<Precision, String> {
    let known = [Precision::F32, Precision::F64].into_iter().find(|known| known.name() == text);
    known.ok_or_else(|| "expected f32 or f64".into())
}
