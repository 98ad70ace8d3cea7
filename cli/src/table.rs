//! CSV files with a header line, and a model that the user states.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::InputError;
use crate::error::list;
use crate::formula::Formula;
use crate::problem::{Column, Problem, Start, observe, sides};

/// Reads the text of a CSV file for the model `right side` or `left side = right side`.
///
/// The separator is the comma, or else the semicolon or the tabulator, whichever the header line has.
/// Names in the model that are no parameters of `start` are columns. The response is `response`, or
/// the left side of the model, or the last column. Only the columns that are used must be numbers.
///
/// # Errors
///
/// An [`InputError`] that says what is wrong with the file, the model or the response.
pub fn read(
    path: &str,
    text: &str,
    model: &str,
    response: Option<&str>,
    start: &Start,
) -> Result<Problem, InputError> {
    let table = Table::parse(path, text)?;
    let (left, model) = sides(model)?;
    let response = match (response, left) {
        (Some(name), _) if table.position(name).is_some() => Formula::name(name),
        (Some(formula), _) => Formula::parse(formula)?,
        (None, Some(left)) => left,
        (None, None) => Formula::name(table.header.get(table.header.len() - 1).unwrap_or("")),
    };
    let parameters: Vec<String> = match start {
        Start::Prescribed(_) => Vec::new(),
        Start::Given(values) => values
            .iter()
            .map(|(name, _)| name.clone())
            .filter(|name| model.names().any(|used| used == name))
            .collect(),
    };
    let observed_columns = table.columns(response.names())?;
    let predictors = model.names().filter(|name| !parameters.iter().any(|p| p == name));
    // Names that are no columns stay unbound; `Problem::program` then says so.
    let predictors = table.columns(predictors.filter(|name| table.position(name).is_some()))?;
    let known = observed_columns.iter().find(|column| predictors.contains(column));
    if let Some(column) = known {
        return Err(InputError::ResponseInModel(column.name.clone()));
    }
    let observed = observe(path, &response, &observed_columns, table.records.len())?;
    let name = Path::new(path).file_stem().map_or(path.into(), |stem| stem.to_string_lossy());
    let problem = Problem {
        name: name.into_owned(),
        path: path.into(),
        response,
        model,
        parameters,
        predictors,
        observed,
        starts: Vec::new(),
        certified: None,
    };
    if let Start::Given(_) = start {
        problem.program().map_err(|error| table.with_all_columns(error))?;
    }
    Ok(problem)
}

/// The cells of a CSV file, not yet numbers.
struct Table<'a> {
    path: &'a str,
    text: &'a str,
    header: StringRecord,
    records: Vec<StringRecord>,
}

impl<'a> Table<'a> {
    fn parse(path: &'a str, text: &'a str) -> Result<Self, InputError> {
        let head = text.lines().find(|line| !line.starts_with('#')).unwrap_or("");
        let delimiter =
            [b',', b';', b'\t'].into_iter().find(|&d| head.as_bytes().contains(&d)).unwrap_or(b',');
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(Trim::All)
            .comment(Some(b'#'))
            .from_reader(text.as_bytes());
        let broken = |error: csv::Error| InputError::Format {
            path: path.into(),
            line: line(text, error.position()),
            reason: match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("expected {expected_len} cells as in the header, found {len}")
                }
                _ => error.to_string(),
            },
        };
        let header = reader.headers().map_err(broken)?.clone();
        let records = reader.records().collect::<Result<Vec<_>, _>>().map_err(broken)?;
        let table = Table { path, text, header, records };
        table.check_header()?;
        Ok(table)
    }

    fn check_header(&self) -> Result<(), InputError> {
        let fault = |reason| Err(InputError::Format { path: self.path.into(), line: 1, reason });
        if self.header.is_empty() {
            return fault("expected a header line with the names of the columns".into());
        }
        for (i, name) in self.header.iter().enumerate() {
            if self.position(name) != Some(i) {
                return fault(format!("two columns have the name `{name}`"));
            }
        }
        Ok(())
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    fn names(&self) -> String {
        list(&self.header.iter().collect::<Vec<_>>())
    }

    fn columns<'n>(&self, names: impl Iterator<Item = &'n str>) -> Result<Vec<Column>, InputError> {
        names.map(|name| self.column(name)).collect()
    }

    fn column(&self, name: &str) -> Result<Column, InputError> {
        let Some(position) = self.position(name) else {
            let (path, name, columns) = (self.path.into(), name.into(), self.names());
            return Err(InputError::UnknownColumn { path, name, columns });
        };
        let number = |record: &StringRecord| {
            let cell = record.get(position).unwrap_or("");
            cell.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| {
                InputError::Cell {
                    path: self.path.into(),
                    line: line(self.text, record.position()),
                    column: name.into(),
                    found: cell.into(),
                }
            })
        };
        let values = self.records.iter().map(number).collect::<Result<_, _>>()?;
        Ok(Column { name: name.into(), values })
    }

    /// An unknown name could have been any column, not only one that is used.
    fn with_all_columns(&self, error: InputError) -> InputError {
        match error {
            InputError::UnknownName { formula, column, name, parameters, .. } => {
                let columns = self.names();
                InputError::UnknownName { formula, column, name, columns, parameters }
            }
            other => other,
        }
    }
}

/// The line of a record, counted from 1. The reader gives the place where it began to look for the
/// record, before the empty lines and comments that it skipped.
fn line(text: &str, position: Option<&csv::Position>) -> u64 {
    let begin = position.map_or(0, |position| usize::try_from(position.byte()).unwrap_or(0));
    let mut rest = text.get(begin..).unwrap_or("");
    loop {
        rest = rest.trim_start_matches(['\r', '\n']);
        match rest
            .strip_prefix('#')
            .and_then(|comment| comment.find('\n').map(|end| &comment[end..]))
        {
            Some(after) => rest = after,
            None => break,
        }
    }
    text[..text.len() - rest.len()].bytes().filter(|&byte| byte == b'\n').count() as u64 + 1
}
