//! Which backends there are, which of them are compiled in, and what they can do.

use ad_api::{Accuracy, AdError, Capability, Differentiate, Engine, Operation, Result, Shape};

use crate::{AnyBackend, BackendConfig};

/// A kind of backend that a configuration may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The name in configurations, as `"native-reverse"`.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    /// The feature of the crate `ad` that compiles it in.
    pub feature: &'static str,
    /// Whether it is compiled in.
    pub compiled: bool,
}

macro_rules! kinds {
    ($($name:literal, $feature:literal, $summary:literal;)*) => {
        const KINDS: &[Kind] = &[$(Kind {
            name: $name,
            summary: $summary,
            feature: $feature,
            compiled: cfg!(feature = $feature),
        }),*];
    };
}

kinds! {
    "dual", "dual", "forward mode: dual numbers with several tangents per sweep";
    "num-dual", "num-dual", "forward mode: the numbers of the crate num-dual";
    "native-reverse", "native-reverse", "reverse mode: a tape that answers products from both sides";
    "fd", "fd", "finite differences: stencils that adapt to the function and estimate their error";
    "finitediff", "fd", "finite differences: the fixed steps of the crate finitediff";
    "burn", "burn", "tensors of the crate burn: reverse mode on CPU and GPU";
    "candle", "candle", "tensors of the crate candle-core: reverse mode on CPU and GPU";
}

/// All kinds of engines, compiled in or not.
///
/// A configuration may name `higher-order` (two of them) and `auto` (the best of them) as well.
pub fn kinds() -> &'static [Kind] {
    KINDS
}

/// The backends that are compiled in, with their default settings.
///
/// ```
/// use ad::Engine;
/// assert!(ad::backends().iter().any(|backend| backend.name() == "dual"));
/// ```
pub fn backends() -> Vec<AnyBackend> {
    compiled().filter_map(|config| config.build().ok()).collect()
}

/// The descriptions of the [`backends`].
pub(crate) fn compiled() -> impl Iterator<Item = BackendConfig> {
    KINDS.iter().filter(|kind| kind.compiled).filter_map(|kind| kind.name.parse().ok())
}

/// All ordered pairs of the [`backends`], each with itself too: outer over inner.
pub fn pairs() -> Vec<AnyBackend> {
    let backends = backends();
    let over = |outer: &AnyBackend, inner: &AnyBackend| {
        AnyBackend::higher_order(outer.clone(), inner.clone())
    };
    backends.iter().flat_map(|outer| backends.iter().map(move |inner| over(outer, inner))).collect()
}

/// How a backend computes every operation, and how accurate its first derivatives are.
#[derive(Debug, Clone, PartialEq)]
pub struct CapabilityRow {
    /// The backend's name.
    pub backend: String,
    /// What it states about its first derivatives.
    pub accuracy: Accuracy,
    /// Every operation, in the order of [`Operation::ALL`].
    pub capabilities: Vec<(Operation, Capability)>,
}

/// A row of the capability table: what `backend` does for functions of this shape.
pub fn capability_row(backend: &AnyBackend, shape: Shape) -> CapabilityRow {
    CapabilityRow {
        backend: backend.name(),
        accuracy: backend.accuracy(),
        capabilities: Operation::ALL
            .into_iter()
            .map(|operation| (operation, backend.capability(operation, shape)))
            .collect(),
    }
}

/// The error for a kind that is not compiled in.
pub(crate) fn unknown(name: &str) -> AdError {
    unknown_beside(name, ["higher-order", "auto"])
}

/// As [`unknown`], for a name without a table, where a pair is written `outer/inner`.
pub(crate) fn unknown_name(name: &str) -> AdError {
    unknown_beside(name, ["outer/inner", "auto"])
}

fn unknown_beside(name: &str, composed: [&'static str; 2]) -> AdError {
    let compiled = KINDS.iter().filter(|kind| kind.compiled).map(|kind| kind.name);
    let available = compiled.chain(composed).collect::<Vec<_>>().join(", ");
    let hint = match KINDS.iter().find(|kind| kind.name == name && !kind.compiled) {
        Some(kind) => format!(
            "; `{name}` is not compiled in: enable the feature `{}` of the crate `ad`",
            kind.feature
        ),
        None => String::new(),
    };
    AdError::UnknownBackend { name: name.into(), available, hint }
}

/// Checks that `name` is a kind that is compiled in.
pub(crate) fn check_compiled(name: &str) -> Result<()> {
    match KINDS.iter().find(|kind| kind.name == name) {
        Some(kind) if kind.compiled => Ok(()),
        _ => Err(unknown(name)),
    }
}
