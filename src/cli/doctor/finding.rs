//! The result of one check.

use crate::{cli::table::aligned, http::Checked, model::truncate::column};
use serde::Serialize;

/// What a finding means; the worst of all decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Good to know.
    Note,
    /// Could not be looked at.
    Unknown,
    /// A person has to do something.
    Wrong,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) area: &'static str,
    pub(super) check: String,
    pub(super) found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

/// Characters of a foreign text that are shown.
const LONGEST: usize = 600;

impl Finding {
    fn new(level: Level, area: &'static str, check: impl Into<String>, found: impl Into<String>) -> Self {
        Self { level, area, check: harmless(&check.into()), found: harmless(&found.into()), advice: None }
    }

    pub(super) fn ok(area: &'static str, check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Level::Ok, area, check, found)
    }

    pub(super) fn note(area: &'static str, check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Level::Note, area, check, found)
    }

    pub(super) fn unknown(area: &'static str, check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Level::Unknown, area, check, found)
    }

    pub(super) fn wrong(area: &'static str, check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Level::Wrong, area, check, found)
    }

    #[must_use]
    pub(super) fn advice(mut self, text: impl Into<String>) -> Self {
        self.advice = Some(text.into());
        self
    }

    /// As the operator page shows it.
    pub(super) fn checked(self) -> Checked {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Unknown => "unknown",
            Level::Wrong => "wrong",
        };
        Checked { level, area: self.area, check: self.check, found: self.found, advice: self.advice }
    }

    const fn word(&self) -> &'static str {
        match self.level {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Unknown => "?",
            Level::Wrong => "WRONG",
        }
    }
}

/// The report for people: columns that never touch, and what to do under what is wrong.
pub(super) fn lines(findings: &[Finding]) -> String {
    let cells =
        |finding: &Finding| [finding.word(), finding.area, &finding.check, &finding.found].map(str::to_owned).to_vec();
    let mut lines = aligned(&findings.iter().map(cells).collect::<Vec<_>>());
    for (line, finding) in std::iter::zip(&mut lines, findings) {
        line.extend(finding.advice.as_ref().map(|text| format!("\n         do: {text}")));
        line.push('\n');
    }
    lines.concat()
}

/// The worst of them.
pub(super) fn verdict(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().map_or(Level::Unknown, |worst| worst.max(Level::Ok))
}

/// Of one line and bounded length: a terminal obeys control characters.
fn harmless(text: &str) -> String {
    column(text, LONGEST).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
