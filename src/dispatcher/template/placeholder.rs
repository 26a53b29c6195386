//! `${…}`: a field of the alert, and whether it may be empty.

use super::{AlertView, Field};
use serde_json::Value;
use std::fmt;

/// One placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// What it stands for.
    pub field: Field,
    /// `${…?}`: an empty value is sent. Without the question mark it is refused: to many actions "" or "-*" means everything.
    pub may_be_empty: bool,
}

impl Placeholder {
    /// Parses the content of `${…}`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, may_be_empty) = text.strip_suffix('?').map_or((text, false), |name| (name.trim_end(), true));
        Some(Self { field: Field::parse(name)?, may_be_empty })
    }

    /// True when an alert has nothing or only blanks for it, and that is refused.
    pub fn is_refused(&self, alert: &AlertView<'_>) -> bool {
        !self.may_be_empty
            && match self.field.of(alert) {
                Value::String(text) => text.trim().is_empty(),
                Value::Object(map) => map.is_empty(),
                _ => false,
            }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{{}{}}}", self.field, if self.may_be_empty { "?" } else { "" })
    }
}
