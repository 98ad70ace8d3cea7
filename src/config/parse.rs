//! Reading a [`BackendConfig`] from tables and from names.

use std::str::FromStr;

use ad_api::{AdError, Result};
use serde::de::{Deserialize, Deserializer, Error};

use super::settings::{Settings, Value};
use super::{BackendConfig, Device, Mode, Precision, Scheme};
use crate::AnyBackend;
use crate::registry::{check_compiled, unknown_name};

const BACKEND: &str = "a backend: a name, or a table with a `kind`";

impl<'de> Deserialize<'de> for BackendConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_value("backend", Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn from_value(setting: &'static str, value: Value) -> Result<BackendConfig> {
    match value {
        Value::String(name) => name.parse(),
        Value::Table(mut table) => match table.remove("kind") {
            Some(Value::String(kind)) => from_table(&kind, Settings::new(&kind, table)),
            Some(other) => Err(AdError::Setting {
                setting: "kind",
                found: other.to_string(),
                expected: "the name of a backend",
            }),
            None => Err(AdError::Setting {
                setting: "kind",
                found: "missing".into(),
                expected: "the name of a backend",
            }),
        },
        other => Err(AdError::Setting { setting, found: other.to_string(), expected: BACKEND }),
    }
}

/// A kind with its default settings.
fn from_name(name: &str) -> Result<BackendConfig> {
    from_table(name, Settings::new(name, std::iter::empty().collect())).map_err(|error| match error
    {
        AdError::UnknownBackend { .. } => unknown_name(name),
        other => other,
    })
}

fn from_table(kind: &str, mut settings: Settings) -> Result<BackendConfig> {
    let config = match kind {
        "higher-order" => BackendConfig::higher_order(
            from_value("outer", settings.required("outer", BACKEND)?)?,
            from_value("inner", settings.required("inner", BACKEND)?)?,
        ),
        "auto" => BackendConfig::Auto { candidates: candidates(&mut settings)? },
        engine => {
            check_compiled(engine)?;
            match engine {
                "dual" => BackendConfig::Dual { chunk: settings.count("chunk")? },
                "num-dual" => BackendConfig::NumDual { chunk: settings.count("chunk")? },
                "native-reverse" => BackendConfig::NativeReverse {
                    mode: mode(&mut settings)?,
                    threads: settings.count("threads")?,
                    exact_functions: settings.flag("exact_functions")?,
                    budget: settings.count("budget")?,
                },
                "fd" => BackendConfig::Fd {
                    order: settings.count("order")?,
                    adaptive: settings.flag("adaptive")?,
                    max_step: settings.number("max_step")?,
                    lower: settings.numbers("lower")?,
                    upper: settings.numbers("upper")?,
                },
                "finitediff" => BackendConfig::FiniteDiff { scheme: scheme(&mut settings)? },
                "burn" => BackendConfig::Burn {
                    device: device(&mut settings)?,
                    precision: precision(&mut settings)?,
                },
                "candle" => BackendConfig::Candle {
                    device: device(&mut settings)?,
                    precision: precision(&mut settings)?,
                },
                _ => return Err(crate::registry::unknown(engine)),
            }
        }
    };
    settings.finish()?;
    if !matches!(config, BackendConfig::Auto { .. }) {
        // Whatever is out of range is found here, where a file's line is known.
        config.build()?;
    }
    Ok(config)
}

fn mode(settings: &mut Settings) -> Result<Option<Mode>> {
    settings.optional("mode", "\"tape\" or \"compiled\"", |value| match value {
        Value::String(name) if name == "tape" => Some(Mode::Tape),
        Value::String(name) if name == "compiled" => Some(Mode::Compiled),
        _ => None,
    })
}

fn scheme(settings: &mut Settings) -> Result<Option<Scheme>> {
    settings.optional("scheme", "\"forward\" or \"central\"", |value| match value {
        Value::String(name) if name == "forward" => Some(Scheme::Forward),
        Value::String(name) if name == "central" => Some(Scheme::Central),
        _ => None,
    })
}

fn device(settings: &mut Settings) -> Result<Option<Device>> {
    settings.optional("device", "\"cpu\", \"wgpu\" or \"cuda\"", |value| match value {
        Value::String(name) => Device::ALL.into_iter().find(|device| device.name() == name),
        _ => None,
    })
}

fn precision(settings: &mut Settings) -> Result<Option<Precision>> {
    settings.optional("precision", "\"f32\" or \"f64\"", |value| match value {
        Value::String(name) => {
            [Precision::F32, Precision::F64].into_iter().find(|precision| precision.name() == name)
        }
        _ => None,
    })
}

fn candidates(settings: &mut Settings) -> Result<Vec<BackendConfig>> {
    match settings.take("candidates") {
        None => Ok(Vec::new()),
        Some(Value::List(list)) => {
            list.into_iter().map(|value| from_value("candidates", value)).collect()
        }
        Some(other) => Err(AdError::Setting {
            setting: "candidates",
            found: other.to_string(),
            expected: "a list of backends",
        }),
    }
}

/// A name, `outer/inner` or `outer over inner`, with default settings.
impl FromStr for BackendConfig {
    type Err = AdError;

    fn from_str(text: &str) -> Result<Self> {
        let pair = text.split_once('/').or_else(|| text.split_once(" over "));
        match pair {
            Some((outer, inner)) => Ok(BackendConfig::higher_order(outer.parse()?, inner.parse()?)),
            None => from_name(text.trim()),
        }
    }
}

/// As [`BackendConfig`], and built.
impl FromStr for AnyBackend {
    type Err = AdError;

    fn from_str(text: &str) -> Result<Self> {
        text.parse::<BackendConfig>()?.build()
    }
}
