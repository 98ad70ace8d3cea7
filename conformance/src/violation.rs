//! What a check found.

use std::fmt;

use crate::Law;

/// One law broken in one place.
#[derive(Debug, Clone)]
pub struct Violation<L = Law> {
    /// The law.
    pub law: L,
    /// Where: the scenario, the point, the method.
    pub place: String,
    /// What was found, and what was expected.
    pub detail: String,
}

impl<L> fmt::Display for Violation<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.detail)
    }
}

/// Collects the violations of one law.
pub(crate) struct Findings<L = Law> {
    law: L,
    violations: Vec<Violation<L>>,
}

impl<L: Copy> Findings<L> {
    pub(crate) fn new(law: L) -> Self {
        Findings { law, violations: Vec::new() }
    }

    pub(crate) fn add(&mut self, place: impl Into<String>, detail: impl Into<String>) {
        let (law, place, detail) = (self.law, place.into(), detail.into());
        self.violations.push(Violation { law, place, detail });
    }

    /// Adds a finding if there is one.
    pub(crate) fn note(&mut self, place: impl Into<String>, detail: Option<String>) {
        if let Some(detail) = detail {
            self.add(place, detail);
        }
    }

    /// The value, or `None` with the error as a finding.
    pub(crate) fn expect<T>(
        &mut self,
        place: impl Into<String>,
        result: ad_api::Result<T>,
    ) -> Option<T> {
        result.map_err(|error| self.add(place, format!("failed: {error}"))).ok()
    }

    pub(crate) fn done(self) -> Vec<Violation<L>> {
        self.violations
    }
}

/// What a test that fails says.
pub(crate) fn report<L: fmt::Display>(
    name: &str,
    law: L,
    statement: &str,
    violations: &[Violation<L>],
) -> String {
    const SHOWN: usize = 30;
    let places = violations.len();
    let mut text = format!("`{name}` breaks `{law}` in {places} places; the law: {statement}\n");
    text.extend(violations.iter().take(SHOWN).map(|violation| format!("  {violation}\n")));
    if places > SHOWN {
        text.extend([format!("  and {} more\n", places - SHOWN)]);
    }
    text
}
