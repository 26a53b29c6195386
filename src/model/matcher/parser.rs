//! From text to matchers, and their quoting.
//!
//! Alertmanager has two parsers and so have we: [`utf8`] since its 0.27, and [`classic`] before that. Alertmanager takes the
//! new one's answer, unless only the old one can read the text or the two differ: then it takes the old one's.

mod classic;
mod utf8;

use super::{Matcher, MatcherError, Operator};
use std::fmt;

/// Why one parser cannot read a text.
struct Fault {
    /// Byte offset.
    at: usize,
    problem: String,
    /// The text is a list of matchers, and a regular expression in it is at fault.
    in_expression: bool,
}

impl Fault {
    fn new(at: usize, problem: &str) -> Self {
        Self { at, problem: problem.to_owned(), in_expression: false }
    }
}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, MatcherError> {
    let fault = match (utf8::parse(text), classic::parse(text)) {
        (Ok(new), Ok(old)) if new != old => return Ok(old),
        (Ok(matchers), _) | (Err(_), Ok(matchers)) => return Ok(matchers),
        (Err(_), Err(old)) if old.in_expression => old,
        (Err(new), Err(_)) => new,
    };
    let position = text.get(..fault.at).unwrap_or_default().chars().count() + 1;
    Err(MatcherError { text: text.to_owned(), position, problem: fault.problem })
}

/// Both parsers' last step.
fn matcher(label: String, operator: Operator, value: String, value_at: usize) -> Result<Matcher, Fault> {
    Matcher::new(label, operator, value).map_err(|reason| Fault {
        at: value_at,
        problem: format!("bad regular expression: {reason}"),
        in_expression: true,
    })
}

/// Writes what both parsers read back.
pub(super) fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n"))
}
