//! A fit to be made: model, data, starts, and what is certified about the result.

use std::collections::HashSet;
use std::fs;

use serde::Serialize;

use crate::error::list;
use crate::formula::{Formula, Program, SyntaxError};
use crate::model::{FitFunction, Output};
use crate::{InputError, nist, table};

/// A model `response = model(predictors; parameters) + error` with its data.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The name of the data set.
    pub name: String,
    /// The file it came from.
    pub path: String,
    /// The left side: a column, or a formula of columns as `log[y]`.
    pub response: Formula,
    /// The right side.
    pub model: Formula,
    /// The names of the parameters.
    pub parameters: Vec<String>,
    /// The columns that the model uses.
    pub predictors: Vec<Column>,
    /// The value of the response at each row.
    pub observed: Vec<f64>,
    /// The starts that the file prescribes: two in NIST files, none in CSV files.
    pub starts: Vec<Vec<f64>>,
    /// Known results, if the file certifies any.
    pub certified: Option<Certified>,
}

/// A named column of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The name.
    pub name: String,
    /// One value for each row.
    pub values: Vec<f64>,
}

/// Results that were computed in higher precision.
#[derive(Debug, Clone, PartialEq)]
pub struct Certified {
    /// The parameters at the solution.
    pub estimates: Vec<f64>,
    /// Their standard deviations.
    pub standard_errors: Vec<f64>,
    /// The residual sum of squares at the solution.
    pub rss: f64,
}

/// Where a fit starts, as the user says it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Start {
    /// One of the starts in the file, counted from 1.
    Prescribed(usize),
    /// A value for each parameter.
    #[serde(serialize_with = "as_map")]
    Given(Vec<(String, f64)>),
}

fn as_map<S: serde::Serializer>(values: &[(String, f64)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(values.iter().map(|(name, value)| (name, value)))
}

impl Start {
    /// Parses `1`, or `b1=500,b2=1e-4`.
    ///
    /// # Errors
    ///
    /// [`InputError::Start`] for anything else, for values that are not finite and for names given
    /// twice.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        let error =
            |expected: &str| InputError::Start { found: text.into(), expected: expected.into() };
        if let Ok(index) = text.trim().parse() {
            return Ok(Start::Prescribed(index));
        }
        let mut seen = HashSet::new();
        let mut values = Vec::new();
        for part in text.split(',') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| error("1, 2, or values such as b1=500,b2=1e-4"))?;
            let (name, value) = (name.trim(), value.trim());
            let value: f64 = value.parse().unwrap_or(f64::NAN);
            if name.is_empty() || !value.is_finite() {
                return Err(error(&format!("name=number, found `{}`", part.trim())));
            }
            if !seen.insert(name) {
                return Err(error(&format!(
                    "one value for each parameter, found two for `{name}`"
                )));
            }
            values.push((name.to_owned(), value));
        }
        Ok(Start::Given(values))
    }
}

/// What the user says about the model, besides the file.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// The formula, for files that state none: `right side` or `left side = right side`.
    pub model: Option<&'a str>,
    /// The response column, or a formula of columns.
    pub response: Option<&'a str>,
    /// The start.
    pub start: Option<&'a str>,
}

impl Problem {
    /// Reads a NIST StRD file or a CSV file, and the start.
    ///
    /// # Errors
    ///
    /// An [`InputError`] that says what is wrong with the file or the request.
    pub fn read(path: &str, request: &Request<'_>) -> Result<(Self, Start, Vec<f64>), InputError> {
        let text = fs::read(path)
            .map_err(|source| InputError::Unreadable { path: path.into(), source })?;
        // Prose in other encodings must not keep a file from being read; numbers are ASCII.
        let text = String::from_utf8_lossy(&text);
        let start = request.start.map(Start::parse).transpose()?;
        let (problem, start) = if nist::recognizes(&text) {
            for (option, value) in [("--model", request.model), ("--response", request.response)] {
                if value.is_some() {
                    return Err(InputError::Superfluous { path: path.into(), option });
                }
            }
            (nist::read(path, &text)?, start.unwrap_or(Start::Prescribed(1)))
        } else {
            let missing = |option| InputError::Missing { path: path.into(), option };
            let model = request.model.ok_or_else(|| missing("--model"))?;
            let start = start.ok_or_else(|| missing("--start"))?;
            (table::read(path, &text, model, request.response, &start)?, start)
        };
        let (rows, parameters) = (problem.observed.len(), problem.parameters.len());
        if rows < parameters {
            return Err(InputError::TooFewRows { path: path.into(), rows, parameters });
        }
        let values = problem.start(&start)?;
        Ok((problem, start, values))
    }

    /// The values of a start, in the order of the parameters.
    ///
    /// # Errors
    ///
    /// [`InputError::Start`] for a number that the file does not have, [`InputError::StartMissing`]
    /// and [`InputError::StartUnknown`] for the wrong names.
    pub fn start(&self, start: &Start) -> Result<Vec<f64>, InputError> {
        match start {
            Start::Prescribed(index) => index
                .checked_sub(1)
                .and_then(|index| self.starts.get(index).cloned())
                .ok_or_else(|| InputError::Start {
                    found: index.to_string(),
                    expected: match self.starts.len() {
                        0 => format!(
                            "values such as b1=500,b2=1e-4, since {} has no starts",
                            self.path
                        ),
                        n => format!("1 to {n}, the starts in {}", self.path),
                    },
                }),
            Start::Given(values) => {
                if let Some((name, _)) =
                    values.iter().find(|(name, _)| !self.parameters.contains(name))
                {
                    let (name, known) = (name.clone(), list(&self.parameters));
                    return Err(InputError::StartUnknown { name, known });
                }
                let value = |name: &str| values.iter().find(|(given, _)| given == name);
                let missing: Vec<_> =
                    self.parameters.iter().filter(|name| value(name).is_none()).collect();
                if !missing.is_empty() {
                    return Err(InputError::StartMissing(list(&missing)));
                }
                Ok(self.parameters.iter().filter_map(|name| Some(value(name)?.1)).collect())
            }
        }
    }

    /// The model with its names bound.
    ///
    /// # Errors
    ///
    /// [`InputError::UnknownName`] if a name in it is neither a parameter nor a predictor.
    pub fn program(&self) -> Result<Program, InputError> {
        let columns: Vec<_> = self.predictors.iter().map(|column| column.name.as_str()).collect();
        Program::new(&self.model, &self.parameters, &columns).map_err(|unknown| {
            InputError::UnknownName {
                formula: self.model.text().into(),
                column: unknown.column,
                name: unknown.name,
                columns: list(&columns),
                parameters: list(&self.parameters),
            }
        })
    }

    /// The model, the residuals or the objective as a function of the parameters.
    ///
    /// # Errors
    ///
    /// As [`program`](Self::program).
    pub fn function(&self, output: Output) -> Result<FitFunction, InputError> {
        let columns: Vec<_> =
            self.predictors.iter().map(|column| column.values.as_slice()).collect();
        let rows = self.program()?.bind(self.observed.len(), &columns);
        Ok(FitFunction::new(rows, self.observed.clone().into(), output))
    }
}

/// Splits `left = right + e` into its two sides; the error term is optional.
pub(crate) fn sides(text: &str) -> Result<(Option<Formula>, Formula), SyntaxError> {
    let Some((left, right)) = text.split_once('=') else {
        return Ok((None, Formula::parse(text)?));
    };
    let right = right.trim();
    let model = right
        .strip_suffix('e')
        .and_then(|head| head.trim_end().strip_suffix('+'))
        .filter(|head| !head.trim().is_empty())
        .unwrap_or(right);
    Ok((Some(Formula::parse(left.trim())?), Formula::parse(model.trim())?))
}

/// The response at each row, from the columns it names.
pub(crate) fn observe(
    path: &str,
    response: &Formula,
    columns: &[Column],
    rows: usize,
) -> Result<Vec<f64>, InputError> {
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    let program = Program::new(response, &[] as &[&str], &names).map_err(|unknown| {
        let columns = list(&names);
        InputError::UnknownColumn { path: path.into(), name: unknown.name, columns }
    })?;
    let values: Vec<_> = columns.iter().map(|column| column.values.as_slice()).collect();
    let mut observed = vec![0.0; rows];
    program.bind(rows, &values).eval(&[], &mut observed);
    match observed.iter().position(|value| !value.is_finite()) {
        None => Ok(observed),
        Some(row) => Err(InputError::Response {
            path: path.into(),
            response: response.text().into(),
            value: observed[row],
            row: row + 1,
        }),
    }
}
