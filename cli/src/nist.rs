//! The data files of the NIST Statistical Reference Datasets for nonlinear regression, as they are.
//!
//! A file is prose with five parts to find: the model (`y = ... + e`, perhaps on several lines), a
//! line `b1 = start1 start2 certified deviation` for each parameter, the certified residual sum of
//! squares, the number of observations, and the data under their column names, response first.
//!
//! Source: <https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml>.

use crate::InputError;
use crate::formula::Formula;
use crate::problem::{Certified, Column, Problem, observe, sides};

/// Whether a file starts as NIST's do.
pub fn recognizes(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.trim_start().starts_with("NIST/ITL StRD"))
}

/// Reads the text of a NIST file.
///
/// # Errors
///
/// An [`InputError`] with the line at fault.
pub fn read(path: &str, text: &str) -> Result<Problem, InputError> {
    let file = File { path, lines: text.lines().collect() };
    let (response, model) = file.model()?;
    let Parameters { names, starts, estimates, standard_errors } = file.parameters()?;
    let (_, rss) = file.certified_number("Residual Sum of Squares:")?;
    let columns = file.data()?;
    let rows = columns[0].values.len();
    let observed = observe(path, &response, &columns, rows)?;
    let problem = Problem {
        name: file.name(),
        path: path.into(),
        response,
        model,
        parameters: names,
        predictors: columns.into_iter().skip(1).collect(),
        observed,
        starts,
        certified: Some(Certified { estimates, standard_errors, rss }),
    };
    problem.program()?;
    Ok(problem)
}

/// The lines `b1 = start1 start2 certified deviation`, by column.
struct Parameters {
    names: Vec<String>,
    starts: Vec<Vec<f64>>,
    estimates: Vec<f64>,
    standard_errors: Vec<f64>,
}

struct File<'a> {
    path: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> File<'a> {
    fn error(&self, line: usize, reason: impl Into<String>) -> InputError {
        let line = (line.min(self.lines.len().max(1) - 1) + 1) as u64;
        InputError::Format { path: self.path.into(), line, reason: reason.into() }
    }

    /// The first line at or after `from` that starts with `label` whatever its case, and its rest.
    fn find(&self, from: usize, label: &str) -> Result<(usize, &'a str), InputError> {
        let rest = |line: &'a str| {
            let (head, rest) = line.trim_start().split_at_checked(label.len())?;
            head.eq_ignore_ascii_case(label).then_some(rest)
        };
        let mut lines = self.lines.iter().enumerate().skip(from);
        lines
            .find_map(|(i, line)| Some((i, rest(line)?)))
            .ok_or_else(|| self.error(self.lines.len(), format!("the file ends without `{label}`")))
    }

    fn name(&self) -> String {
        let rest = self.find(0, "Dataset Name:").map_or("", |(_, rest)| rest);
        rest.split_whitespace().next().unwrap_or(self.path).into()
    }

    /// The statement of the model that ends in the error term, on as many lines as it takes.
    fn model(&self) -> Result<(Formula, Formula), InputError> {
        let (first, _) = self.find(0, "Model:")?;
        let (last, _) = self.find(first, "Starting values")?;
        let mut statement = String::new();
        for line in &self.lines[first + 1..last] {
            // A file may define constants, as `pi = 3.14...`, before the model.
            if line.contains('=') {
                statement.clear();
            } else if statement.is_empty() {
                continue;
            }
            statement.push_str(line.trim());
            statement.push(' ');
        }
        match sides(&statement)? {
            (Some(response), model) => Ok((response, model)),
            (None, _) => Err(self.error(first, "the model has no line `y = ...`")),
        }
    }

    fn parameters(&self) -> Result<Parameters, InputError> {
        let (first, _) = self.find(self.find(0, "Model:")?.0, "Starting values")?;
        let (last, _) = self.find(first, "Residual Sum of Squares:")?;
        let mut table = Parameters {
            names: Vec::new(),
            starts: vec![Vec::new(); 2],
            estimates: Vec::new(),
            standard_errors: Vec::new(),
        };
        for (i, line) in self.lines[..last].iter().enumerate().skip(first) {
            let Some((name, values)) = line.split_once('=') else { continue };
            match *self.numbers(i, values)? {
                [start_1, start_2, estimate, deviation] => {
                    table.names.push(name.trim().into());
                    table.starts[0].push(start_1);
                    table.starts[1].push(start_2);
                    table.estimates.push(estimate);
                    table.standard_errors.push(deviation);
                }
                ref other => {
                    let found = other.len();
                    let reason = format!(
                        "expected two starts, certified value and deviation, found {found} numbers"
                    );
                    return Err(self.error(i, reason));
                }
            }
        }
        if table.names.is_empty() {
            return Err(self.error(first, "no parameters `b1 = ...` follow"));
        }
        Ok(table)
    }

    fn certified_number(&self, label: &str) -> Result<(usize, f64), InputError> {
        let (line, rest) = self.find(self.find(0, "Model:")?.0, label)?;
        match *self.numbers(line, rest)? {
            [value] => Ok((line, value)),
            _ => Err(self.error(line, format!("expected one number after `{label}`"))),
        }
    }

    fn data(&self) -> Result<Vec<Column>, InputError> {
        let (after, count) = self.certified_number("Number of Observations:")?;
        let (header, names) = self.find(after, "Data:")?;
        let mut columns: Vec<Column> = names
            .split_whitespace()
            .map(|name| Column { name: name.into(), values: Vec::new() })
            .collect();
        if columns.is_empty() {
            return Err(self.error(header, "expected the names of the columns after `Data:`"));
        }
        let mut rows = 0_usize;
        for (i, line) in self.lines.iter().enumerate().skip(header + 1) {
            let cells: Vec<_> = line.split_whitespace().collect();
            if cells.is_empty() {
                continue;
            }
            if cells.len() != columns.len() {
                let (found, expected) = (cells.len(), columns.len());
                let reason =
                    format!("expected {expected} numbers, one for each column, found {found}");
                return Err(self.error(i, reason));
            }
            for (column, cell) in columns.iter_mut().zip(cells) {
                let value = self.number(i, &column.name, cell)?;
                column.values.push(value);
            }
            rows += 1;
        }
        if rows as f64 != count {
            let reason =
                format!("the data have {rows} rows, but the header says {count} observations");
            return Err(self.error(header, reason));
        }
        Ok(columns)
    }

    fn numbers(&self, line: usize, text: &str) -> Result<Vec<f64>, InputError> {
        text.split_whitespace().map(|cell| self.number(line, "header", cell)).collect()
    }

    fn number(&self, line: usize, column: &str, cell: &str) -> Result<f64, InputError> {
        cell.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| InputError::Cell {
            path: self.path.into(),
            line: line as u64 + 1,
            column: column.into(),
            found: cell.into(),
        })
    }
}
