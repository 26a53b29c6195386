//! A column of labels or annotations, as it was read.

use crate::{model::ids::AlertId, store::unreadable::Unreadable};
use std::collections::BTreeMap;

/// A JSON object of texts, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub BTreeMap<String, String>, Option<String>);

impl From<String> for Texts {
    /// What cannot be read has no texts and says why; `claim` leaves such a row.
    fn from(json: String) -> Self {
        match serde_json::from_str(&json) {
            Ok(texts) => Self(texts, None),
            Err(error) => Self(BTreeMap::new(), Some(error.to_string())),
        }
    }
}

impl Texts {
    /// Fails where the column could not be read.
    pub(crate) fn check(&self, alert_id: AlertId, column: &str) -> Result<(), Unreadable> {
        let problem = |text| Unreadable::new(alert_id, format!("{column} is not a JSON object of texts: {text}"));
        self.1.as_deref().map(problem).map_or(Ok(()), Err)
    }
}
