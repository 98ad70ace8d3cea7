//! The backend that the user asks for.

use std::fs;

use ad::BackendConfig;
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
