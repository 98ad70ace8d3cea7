//! What can be wrong with the input of a command.

use std::io;

use ad_algorithms::SolveError;
use ad_api::AdError;

use crate::formula::SyntaxError;
use crate::text::count;

/// Why a command could not start. Each message is one line that names what to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {reason}")]
    Unwritable {
        /// The file.
        path: String,
        /// The reason.
        reason: String,
    },
    /// A formula does not parse.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A formula uses a name that is neither a column nor a parameter.
    #[error(
        "formula `{formula}`: at column {column}, `{name}` is neither a column ({columns}) \
         nor a parameter with a start ({parameters})"
    )]
    UnknownName {
        /// The formula.
        formula: String,
        /// Where in it, in characters counted from 1.
        column: usize,
        /// The name.
        name: String,
        /// The columns there are.
        columns: String,
        /// The parameters there are.
        parameters: String,
    },
    /// A column is asked for that the file does not have.
    #[error("{path} has no column `{name}`; its columns are {columns}")]
    UnknownColumn {
        /// The data file.
        path: String,
        /// The name.
        name: String,
        /// The columns there are.
        columns: String,
    },
    /// A cell is no finite number.
    #[error(
        "{path}, line {line}, column `{column}`: expected a finite number, found {}",
        cell(found)
    )]
    Cell {
        /// The data file.
        path: String,
        /// The line in the file, counted from 1.
        line: u64,
        /// The name of the column.
        column: String,
        /// The text of the cell.
        found: String,
    },
    /// A file departs from its format.
    #[error("{path}, line {line}: {reason}")]
    Format {
        /// The data file.
        path: String,
        /// The line in the file, counted from 1.
        line: u64,
        /// What was expected and found.
        reason: String,
    },
    /// The response has no finite value at a row.
    #[error("{path}: the response {response} is {value} at row {row} of the data")]
    Response {
        /// The data file.
        path: String,
        /// The response.
        response: String,
        /// Its value.
        value: f64,
        /// The row of the data, counted from 1.
        row: usize,
    },
    /// The response is also a predictor of the model.
    #[error("the response column `{0}` is also in the model; name the response with --response")]
    ResponseInModel(String),
    /// The start is not of a form that the file allows.
    #[error("--start {found}: expected {expected}")]
    Start {
        /// The start as given.
        found: String,
        /// What would be accepted.
        expected: String,
    },
    /// The start leaves out a parameter.
    #[error("--start gives no value for {0}")]
    StartMissing(String),
    /// The start names something that the model does not have.
    #[error(
        "--start names `{name}`, which is no parameter of the model; its parameters are {known}"
    )]
    StartUnknown {
        /// The name.
        name: String,
        /// The parameters there are.
        known: String,
    },
    /// An option that this kind of file needs is missing.
    #[error(
        "{path} is read as CSV, since its first line is not that of a NIST StRD file: it needs {option}"
    )]
    Missing {
        /// The data file.
        path: String,
        /// The option.
        option: &'static str,
    },
    /// An option that this kind of file does not take.
    #[error("{option} does not go with {path}: a NIST StRD file states its own model and response")]
    Superfluous {
        /// The data file.
        path: String,
        /// The option.
        option: &'static str,
    },
    /// There are too few rows to determine the parameters.
    #[error("{path} has {}, fewer than the {parameters} parameters of the model", count(*rows, "row"))]
    TooFewRows {
        /// The data file.
        path: String,
        /// The rows there are.
        rows: usize,
        /// The parameters of the model.
        parameters: usize,
    },
    /// The backend cannot be had, or fails at the start.
    #[error(transparent)]
    Backend(#[from] AdError),
    /// An option does not go with something else.
    #[error("{option} does not go with {what}: {reason}")]
    Unsuited {
        /// The option.
        option: &'static str,
        /// What it does not go with.
        what: String,
        /// Why not, or what would.
        reason: String,
    },
    /// The solve of a system cannot start.
    #[error("the solve cannot start: {0}")]
    System(SolveError),
    /// The fit cannot start.
    #[error("the fit cannot start: {0}")]
    Solve(#[from] SolveError),
}

fn cell(text: &str) -> String {
    if text.is_empty() { "nothing".into() } else { format!("`{text}`") }
}

/// Names in a message: each in backticks, or "none".
pub(crate) fn list(names: &[impl AsRef<str>]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}
