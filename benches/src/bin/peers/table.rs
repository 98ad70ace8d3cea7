//! Rows as a table or as JSON lines, against those of other programs if they are given.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::measure::Measured;

/// The peer that others are divided by: the hand-written adjoints in C++.
const REFERENCE: &str = "cpp_manual";

/// Where rows are printed.
pub(crate) struct Table {
    json: bool,
    against: Option<Against>,
}

/// The times of [`REFERENCE`], by problem, in nanoseconds.
struct Against(HashMap<String, f64>);

/// A line of another program; it may say more.
#[derive(Deserialize)]
struct Line {
    peer: String,
    problem: Option<String>,
    gradient_ns: Option<f64>,
    gradient_min_ns: Option<f64>,
}

/// A line of ours.
#[derive(Serialize)]
struct Row<'a> {
    peer: &'a str,
    problem: &'a str,
    primal_ns: f64,
    gradient_ns: f64,
    ratio: f64,
    peak_bytes: usize,
    primal_min_ns: f64,
    gradient_min_ns: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_ns: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    over_cpp_manual: Option<f64>,
    value: f64,
    grad_l1: f64,
}

impl Table {
    /// Prints the head, unless the rows are JSON lines. `against` is a file with the lines of others.
    pub(crate) fn new(json: bool, against: Option<&Path>) -> Outcome<Self> {
        let against = against.map(Against::read).transpose()?;
        if !json {
            print!("{:<20} {:<20} {:>13} {:>13}", "peer", "problem", "primal ns", "gradient ns");
            print!(" {:>8} {:>8} {:>12}", "ratio", "value", "peak bytes");
            println!("{}", if against.is_some() { "  over cpp_manual" } else { "" });
        }
        Ok(Table { json, against })
    }

    pub(crate) fn print(&self, peer: &str, problem: &str, found: &Measured) -> Outcome {
        let over = self.against.as_ref().and_then(|against| against.0.get(problem));
        let row = Row {
            peer,
            problem,
            primal_ns: found.primal.median,
            gradient_ns: found.gradient.median,
            ratio: found.ratio,
            peak_bytes: found.peak_bytes,
            primal_min_ns: found.primal.least,
            gradient_min_ns: found.gradient.least,
            value_ns: found.value.map(|(time, _)| time.median),
            value_ratio: found.value.map(|(_, ratio)| ratio),
            over_cpp_manual: over.map(|reference| found.gradient.least / reference),
            value: found.checks.0,
            grad_l1: found.checks.1,
        };
        if self.json {
            println!("{}", serde_json::to_string(&row)?);
        } else {
            println!("{row}");
        }
        Ok(())
    }
}

impl std::fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A link of a chain takes less than a nanosecond: three digits, whatever the size.
        let time = |ns: f64| {
            let digits = if ns < 10.0 { 2 } else { usize::from(ns < 100.0) };
            format!("{ns:.digits$}")
        };
        let factor =
            |ratio: Option<f64>| ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        write!(f, "{:<20} {:<20}", self.peer, self.problem)?;
        write!(f, " {:>13} {:>13}", time(self.primal_ns), time(self.gradient_ns))?;
        write!(f, " {:>8.2} {:>8} {:>12}", self.ratio, factor(self.value_ratio), self.peak_bytes)?;
        match self.over_cpp_manual {
            Some(over) => write!(f, "  {over:>15.2}"),
            None => Ok(()),
        }
    }
}

impl Against {
    fn read(path: &Path) -> Outcome<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
        let against = text.and_then(|text| Self::parse(&text));
        against.map_err(|error| format!("{}: {error}", path.display()).into())
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut times = HashMap::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            let line: Line = serde_json::from_str(line)
                .map_err(|error| format!("line {}: {error}", number + 1))?;
            let time = line.gradient_min_ns.or(line.gradient_ns);
            if let (REFERENCE, Some(problem), Some(time)) = (&*line.peer, line.problem, time) {
                times.insert(problem, time);
            }
        }
        if times.is_empty() {
            return Err(format!("there is no line of `{REFERENCE}`"));
        }
        Ok(Against(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_times_of_the_reference_are_taken() {
        let lines = concat!(
            r#"{"peer":"cpp_manual","problem":"lv","gradient_ns":30.0,"gradient_min_ns":20.0,"note":""}"#,
            "\n\n",
            r#"{"peer":"adolc","problem":"lv","gradient_ns":10.0}"#,
            "\n",
            r#"{"peer":"cpp_manual","problem":"gmm","gradient_ns":40.0}"#,
            "\n",
            r#"{"peer":"ceres","problem":"fit","solve_ns":1.0}"#,
        );
        let Against(times) = Against::parse(lines).unwrap();
        assert_eq!(times, HashMap::from([("lv".into(), 20.0), ("gmm".into(), 40.0)]));
    }

    #[test]
    fn a_file_without_the_reference_is_refused() {
        let refusal = |text| Against::parse(text).err().unwrap();
        assert_eq!(refusal(r#"{"peer":"adolc"}"#), "there is no line of `cpp_manual`");
        assert_eq!(refusal("\n{}"), "line 2: missing field `peer` at line 1 column 2");
    }
}
