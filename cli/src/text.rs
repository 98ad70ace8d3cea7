//! Tables and numbers for a terminal.

use std::fmt::Write;

/// How a column of a [`Table`] is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At its left edge: words.
    Left,
    /// At its right edge: numbers.
    Right,
}

/// Rows of cells, printed in columns as wide as they need to be.
#[derive(Debug, Clone)]
pub struct Table {
    header: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(header: impl IntoIterator<Item = (impl Into<String>, Align)>) -> Self {
        let header = header.into_iter().map(|(name, align)| (name.into(), align)).collect();
        Table { header, rows: Vec::new() }
    }

    /// Appends a row. Missing cells are empty; a cell beyond the last column is a remark, which widens
    /// nothing.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = |j: usize| {
            let cells =
                self.rows.iter().filter_map(|row| row.get(j)).map(|cell| cell.chars().count());
            cells.chain([self.header[j].0.chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let head: Vec<String> = self.header.iter().map(|(name, _)| name.clone()).collect();
        for row in std::iter::once(&head).chain(&self.rows) {
            let mut line = String::new();
            for (j, cell) in row.iter().enumerate() {
                line.push_str("  ");
                match self.header.get(j).map(|column| column.1) {
                    Some(Align::Right) => write!(line, "{cell:>width$}", width = widths[j])?,
                    Some(Align::Left) => write!(line, "{cell:<width$}", width = widths[j])?,
                    None => line.push_str(cell),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A number in scientific notation with this many digits after the point and at least two in the
/// exponent, so that columns of numbers align: `1.50e-03`.
pub fn scientific(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let text = format!("{value:.digits$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

/// A time in the unit that suits it.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.0} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.2} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// `1 row`, `2 rows`.
pub fn count(n: usize, singular: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {singular}{plural}")
}
