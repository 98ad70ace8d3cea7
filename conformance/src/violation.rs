//! What a check found.

use std::fmt;

use crate::Law;

/// One law broken in one place.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The law.
    pub law: Law,
    /// Where: the scenario, the point, the method.
    pub place: String,
    /// What was found, and what was expected.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.detail)
    }
}

/// Collects the violations of one law.
pub(crate) struct Findings {
    law: Law,
    violations: Vec<Violation>,
}

impl Findings {
    pub(crate) fn new(law: Law) -> Self {
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

    pub(crate) fn done(self) -> Vec<Violation> {
        self.violations
    }
}
