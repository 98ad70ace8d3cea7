//! Backends described by data: a TOML table, a JSON object, or a name on a command line.

mod build;
mod parse;
mod settings;

use std::fmt;

use serde::Serialize;

/// Which backend, with which settings.
///
/// # As text
///
/// A table names a `kind` and its settings; where a table is expected, a string will do for a
/// backend with default settings. On a command line a pair is written `outer/inner` or
/// `outer over inner`, and more than two nest to the right.
///
/// ```
/// use ad::prelude::*;
///
/// #[derive(serde::Deserialize)]
/// struct Config {
///     backend: BackendConfig,
/// }
/// let config: Config = toml::from_str(
///     r#"
///     [backend]
///     kind = "higher-order"
///     outer = { kind = "dual", chunk = 8 }
///     inner = "native-reverse"
///     "#,
/// )?;
/// let backend: AnyBackend = config.backend.build()?;
/// assert_eq!(backend.name(), "dual over native-reverse");
/// assert_eq!(config.backend.to_string(), "dual/native-reverse");
/// assert_eq!("dual over native-reverse".parse::<BackendConfig>()?.build()?.name(), backend.name());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// An unknown kind, or one that is not compiled in, is
/// [`AdError::UnknownBackend`](crate::AdError::UnknownBackend), which names what is available and the
/// feature that adds the missing one; a setting that the kind does not have is
/// [`AdError::UnknownSetting`](crate::AdError::UnknownSetting); a value of the wrong type or range is
/// [`AdError::Setting`](crate::AdError::Setting).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BackendConfig {
    /// Forward mode with several tangents per sweep.
    Dual {
        /// Tangents per sweep. Default: as many as there are, 8 at most.
        #[serde(skip_serializing_if = "Option::is_none")]
        chunk: Option<usize>,
    },
    /// Forward mode in the numbers of the crate `num-dual`.
    NumDual {
        /// Tangents per sweep. Default: as many as there are, 4 at most.
        #[serde(skip_serializing_if = "Option::is_none")]
        chunk: Option<usize>,
    },
    /// Reverse mode on a tape, or by programs.
    NativeReverse {
        /// How functions without structure are prepared. Default: the tape.
        #[serde(skip_serializing_if = "Option::is_none")]
        mode: Option<Mode>,
        /// The most threads for the rows of maps and sums. Default: 1.
        #[serde(skip_serializing_if = "Option::is_none")]
        threads: Option<usize>,
        /// Whether programs of rows take the elementary functions of `f64` instead of vectorized ones,
        /// which may differ in the last digit. Default: false.
        #[serde(skip_serializing_if = "Option::is_none")]
        exact_functions: Option<bool>,
        /// The bytes that the record of a loop may take. Default: 64 MiB.
        #[serde(skip_serializing_if = "Option::is_none")]
        budget: Option<usize>,
    },
    /// Finite differences with adaptive stencils.
    Fd {
        /// The order of the stencils: 2, 4, 6 or 8.
        #[serde(skip_serializing_if = "Option::is_none")]
        order: Option<usize>,
        /// Whether steps follow the errors that they show.
        #[serde(skip_serializing_if = "Option::is_none")]
        adaptive: Option<bool>,
        /// The largest distance, in any input, at which the function is evaluated.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_step: Option<f64>,
        /// The function is not evaluated below these inputs, one number for each. Default: -∞.
        #[serde(skip_serializing_if = "Option::is_none")]
        lower: Option<Vec<f64>>,
        /// The function is not evaluated above these inputs, one number for each. Default: ∞.
        #[serde(skip_serializing_if = "Option::is_none")]
        upper: Option<Vec<f64>>,
    },
    /// Finite differences by the crate `finitediff`.
    #[serde(rename = "finitediff")]
    FiniteDiff {
        /// Forward or central differences. Default: central.
        #[serde(skip_serializing_if = "Option::is_none")]
        scheme: Option<Scheme>,
    },
    /// Tensors of the crate `burn`.
    Burn {
        /// Where they live. Default: the CPU.
        #[serde(skip_serializing_if = "Option::is_none")]
        device: Option<Device>,
        /// In which precision. Default: `f64` on the CPU, `f32` on a GPU.
        #[serde(skip_serializing_if = "Option::is_none")]
        precision: Option<Precision>,
    },
    /// Tensors of the crate `candle-core`.
    Candle {
        /// Where they live. Default: the CPU.
        #[serde(skip_serializing_if = "Option::is_none")]
        device: Option<Device>,
        /// In which precision. Default: `f64`.
        #[serde(skip_serializing_if = "Option::is_none")]
        precision: Option<Precision>,
    },
    /// One backend over another: first derivatives by `inner`, differentiated by `outer`.
    HigherOrder {
        /// Differentiates the first derivatives.
        outer: Box<BackendConfig>,
        /// Computes the first derivatives.
        inner: Box<BackendConfig>,
    },
    /// The best of the candidates on the problem at hand, by measurement: see
    /// [`choose`](Self::choose).
    Auto {
        /// What to choose from. Default: all that is compiled in, alone and in pairs.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        candidates: Vec<BackendConfig>,
    },
}

/// How `native-reverse` prepares functions that state no structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Each call records on the tape.
    Tape,
    /// Each way through the function is recorded once, and replayed: for functions that are
    /// differentiated often.
    Compiled,
}

/// The schemes of `finitediff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// One evaluation for each input besides the value.
    Forward,
    /// Two evaluations for each input, and a third more digits.
    Central,
}

/// Where tensors live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The processor.
    Cpu,
    /// A GPU through Vulkan, Metal or DirectX.
    Wgpu,
    /// An NVIDIA GPU.
    Cuda,
}

impl Device {
    /// All of them.
    pub const ALL: [Device; 3] = [Device::Cpu, Device::Wgpu, Device::Cuda];

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Wgpu => "wgpu",
            Device::Cuda => "cuda",
        }
    }
}

/// The numbers that tensors consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits, about 7 digits.
    F32,
    /// 64 bits, about 16 digits.
    F64,
}

impl Precision {
    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F64 => "f64",
        }
    }
}

impl BackendConfig {
    /// `outer` over `inner`.
    pub fn higher_order(outer: BackendConfig, inner: BackendConfig) -> Self {
        BackendConfig::HigherOrder { outer: Box::new(outer), inner: Box::new(inner) }
    }

    /// The name of the kind, as in a configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            BackendConfig::Dual { .. } => "dual",
            BackendConfig::NumDual { .. } => "num-dual",
            BackendConfig::NativeReverse { .. } => "native-reverse",
            BackendConfig::Fd { .. } => "fd",
            BackendConfig::FiniteDiff { .. } => "finitediff",
            BackendConfig::Burn { .. } => "burn",
            BackendConfig::Candle { .. } => "candle",
            BackendConfig::HigherOrder { .. } => "higher-order",
            BackendConfig::Auto { .. } => "auto",
        }
    }
}

/// The short name, without settings: `dual`, or `dual/native-reverse` for a pair.
impl fmt::Display for BackendConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackendConfig::HigherOrder { outer, inner } => write!(f, "{outer}/{inner}"),
            other => f.write_str(other.kind()),
        }
    }
}
