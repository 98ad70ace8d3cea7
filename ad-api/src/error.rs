//! The one error type of the interface, and the failure that a function may report.

use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::sync::Arc;

/// The result of every fallible operation of the interface.
pub type Result<T, E = AdError> = std::result::Result<T, E>;

/// Why a derivative could not be computed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AdError {
    /// An argument does not have the length that another one fixes.
    #[error("`{what}` has length {found}, expected {expected} ({reason})")]
    Shape {
        /// The argument at fault.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
        /// What fixes that length.
        reason: &'static str,
    },
    /// A table of indices has one that is out of range.
    #[error("`{what}` has the index {found}, expected less than {limit}")]
    Index {
        /// The table at fault.
        what: &'static str,
        /// The index.
        found: usize,
        /// How many entries there are to point at.
        limit: usize,
    },
    /// A matrix argument does not have the shape of the result.
    #[error("`{what}` is {} x {}, expected {} x {}", found.0, found.1, expected.0, expected.1)]
    MatrixShape {
        /// The argument at fault.
        what: &'static str,
        /// Its rows and columns.
        found: (usize, usize),
        /// The rows and columns it should have.
        expected: (usize, usize),
    },
    /// Arrays do not fit an operation, or each other.
    #[error("`{operation}` of shapes {found}: expected {expected}")]
    Array {
        /// The operation, or the argument at fault.
        operation: &'static str,
        /// The shapes that it was given.
        found: String,
        /// What would fit.
        expected: String,
    },
    /// The points of a batch take more paths through the function than are recorded.
    #[error(
        "the function takes more than {paths} paths at the points of this batch: {comparison} has an \
         answer of its own at {}",
        points_in_words(points)
    )]
    Diverged {
        /// The comparison that tells the first of the points from those before.
        comparison: String,
        /// How many paths were recorded.
        paths: usize,
        /// The points that take none of them, counted from 0.
        points: Vec<usize>,
    },
    /// The operation is not defined for a function with these numbers of inputs and outputs.
    #[error(
        "`{operation}` needs a function with {needs}, but this one has {inputs} inputs and \
         {outputs} outputs; {instead}"
    )]
    Arity {
        /// The operation that was asked for.
        operation: &'static str,
        /// What it needs, in words.
        needs: &'static str,
        /// The inputs of the function.
        inputs: usize,
        /// The outputs of the function.
        outputs: usize,
        /// What would serve instead.
        instead: &'static str,
    },
    /// The function itself failed; its failure is the source.
    #[error("the function failed: {0}")]
    Function(Failure),
    /// The engine has no way to compute this.
    #[error("backend `{backend}` cannot compute `{operation}`: {reason}")]
    Unsupported {
        /// The backend that was asked.
        backend: String,
        /// What it was asked for.
        operation: &'static str,
        /// Why it cannot, and what would serve instead.
        reason: String,
    },
    /// The engine has no derivative to the accuracy that it promises, as at a pole beside the point.
    #[error(
        "backend `{backend}` has no accurate derivative with respect to input {input}: {reason}"
    )]
    Inaccurate {
        /// The backend that was asked.
        backend: String,
        /// The input, counted from 0.
        input: usize,
        /// What went wrong there.
        reason: String,
    },
    /// The engine under an adapter failed; its error is the source.
    #[error("backend `{backend}` failed in `{operation}`: {cause}")]
    Engine {
        /// The backend that failed.
        backend: String,
        /// What it was asked for.
        operation: &'static str,
        /// The engine's own error.
        cause: Failure,
    },
    /// A configuration names a backend that does not exist or is not compiled in.
    #[error("unknown backend `{name}`; available: {available}{hint}")]
    UnknownBackend {
        /// The name as given.
        name: String,
        /// The names that would have been accepted.
        available: String,
        /// How to get the missing one: empty, or a sentence that starts with "; ".
        hint: String,
    },
    /// A setting of a backend has a value that makes no sense.
    #[error("setting `{setting}` is {found}, expected {expected}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value, as given.
        found: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// A configuration gives a backend a setting that it does not have.
    #[error("backend `{backend}` has no setting `{setting}`; its settings: {known}")]
    UnknownSetting {
        /// The backend that was configured.
        backend: String,
        /// The setting as given.
        setting: String,
        /// The settings it has, or "none".
        known: String,
    },
    /// A rule was asked for a derivative of an order that its author did not provide.
    #[error("rule `{rule}` has no derivative at this depth: {reason}")]
    Rule {
        /// The type of the rule.
        rule: &'static str,
        /// What is missing.
        reason: String,
    },
}

/// The first few points.
fn points_in_words(points: &[usize]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = points.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = points.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("point {}{more}", shown.join(", "))
}

impl AdError {
    /// Checks that `found`, the length of the argument `what`, is `expected`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] if it is not; `reason` says what fixes the length.
    pub fn check_len(
        what: &'static str,
        found: usize,
        expected: usize,
        reason: &'static str,
    ) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        Err(AdError::Shape { what, found, expected, reason })
    }
}

impl From<Failure> for AdError {
    /// A failure that carries an [`AdError`] is that error again, whatever the depth of nesting.
    fn from(failure: Failure) -> Self {
        match failure.0.downcast_ref::<AdError>() {
            Some(error) => error.clone(),
            None => AdError::Function(failure),
        }
    }
}

/// Why a function has no value at a point: what [`Function::eval`](crate::Function::eval) returns.
///
/// Any error converts into it with `?`, and [`Failure::new`] makes one from a message. It travels
/// through every derivative to the caller, where [`Failure::downcast_ref`] gets the original back.
///
/// ```
/// use ad_api::Failure;
///
/// fn parse(text: &str) -> Result<f64, Failure> {
///     let value: f64 = text.parse()?;
///     if value < 0.0 { Err(Failure::new("negative mass")) } else { Ok(value) }
/// }
/// assert!(parse("x").unwrap_err().downcast_ref::<std::num::ParseFloatError>().is_some());
/// assert_eq!(parse("-1").unwrap_err().to_string(), "negative mass");
/// ```
#[derive(Clone)]
pub struct Failure(Arc<dyn Error + Send + Sync>);

impl Failure {
    /// A failure with a message.
    pub fn new(message: impl Into<String>) -> Self {
        Failure(Arc::new(Message(message.into())))
    }

    /// The error that this failure was made from, if it is an `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

// `Failure` is deliberately no `Error`: that is what allows this conversion from every error.
impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: Box<dyn Error + Send + Sync> = Box::new(error);
        match error.downcast::<AdError>() {
            // A function failure that crosses a nested derivative stays one failure.
            Ok(error) => match *error {
                AdError::Function(failure) => failure,
                error => Failure(Arc::new(error)),
            },
            Err(error) => Failure(Arc::from(error)),
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.0, f)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Message(String);
