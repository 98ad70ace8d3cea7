//! A table of settings, read one by one so that every mistake can be named.

use std::collections::BTreeMap;
use std::fmt;

use ad_api::{AdError, Result};
use serde::Deserialize;

/// A value of any self-describing format.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Value {
    Bool(bool),
    Integer(i64),
    Float(f64),
    String(String),
    List(Vec<Value>),
    Table(BTreeMap<String, Value>),
}

impl Value {
    fn number(&self) -> Option<f64> {
        match self {
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value}"),
            Value::String(value) => write!(f, "{value:?}"),
            Value::List(_) => f.write_str("a list"),
            Value::Table(_) => f.write_str("a table"),
        }
    }
}

/// The settings of one backend that have not been read yet.
pub(super) struct Settings {
    backend: String,
    values: BTreeMap<String, Value>,
    known: Vec<&'static str>,
}

impl Settings {
    pub(super) fn new(backend: &str, values: BTreeMap<String, Value>) -> Self {
        Settings { backend: backend.into(), values, known: Vec::new() }
    }

    /// Reads a setting with `convert`, which returns `None` for what is not `expected`.
    pub(super) fn optional<T>(
        &mut self,
        setting: &'static str,
        expected: &'static str,
        convert: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        self.known.push(setting);
        let Some(value) = self.values.remove(setting) else { return Ok(None) };
        match convert(&value) {
            Some(value) => Ok(Some(value)),
            None => Err(AdError::Setting { setting, found: value.to_string(), expected }),
        }
    }

    /// Takes a setting as it is.
    pub(super) fn take(&mut self, setting: &'static str) -> Option<Value> {
        self.known.push(setting);
        self.values.remove(setting)
    }

    /// Takes a setting that must be there.
    pub(super) fn required(
        &mut self,
        setting: &'static str,
        expected: &'static str,
    ) -> Result<Value> {
        self.take(setting).ok_or_else(|| AdError::Setting {
            setting,
            found: "missing".into(),
            expected,
        })
    }

    /// Reads a count of at least 1.
    pub(super) fn count(&mut self, setting: &'static str) -> Result<Option<usize>> {
        self.optional(setting, "a whole number of at least 1", |value| match value {
            Value::Integer(value) => usize::try_from(*value).ok().filter(|&value| value > 0),
            _ => None,
        })
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&mut self, setting: &'static str) -> Result<Option<bool>> {
        self.optional(setting, "true or false", |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
    }

    /// Reads a number.
    pub(super) fn number(&mut self, setting: &'static str) -> Result<Option<f64>> {
        self.optional(setting, "a number", Value::number)
    }

    /// Reads a list of numbers.
    pub(super) fn numbers(&mut self, setting: &'static str) -> Result<Option<Vec<f64>>> {
        self.optional(setting, "a list of numbers", |value| match value {
            Value::List(list) => list.iter().map(Value::number).collect(),
            _ => None,
        })
    }

    /// Checks that nothing is left over.
    pub(super) fn finish(self) -> Result<()> {
        let Some(setting) = self.values.into_keys().next() else { return Ok(()) };
        let known = if self.known.is_empty() { "none".into() } else { self.known.join(", ") };
        Err(AdError::UnknownSetting { backend: self.backend, setting, known })
    }
}
