//! What waits for a person's approval, with what exactly would be sent.

use super::{History, HistoryError};
use crate::store::{
    dispatch::dispatch_log::{self, Entry, SHOWN},
    read::approvals::{self, Waiting},
};

/// An alert that waits for an approval.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its row.
    pub waiting: Waiting,
    /// What would be sent, as it was shown last; secrets are masked in it.
    pub shown: Option<Entry>,
}

impl History {
    /// How many wait, and those whose time is over first.
    pub async fn approvals(&self, most: u16) -> Result<(i64, Vec<Asked>), HistoryError> {
        let (all, rows) = self.ours(move |conn| approvals::waiting(conn, i64::from(most))).await?;
        let asked = |waiting: Waiting| {
            let log = dispatch_log::entries(waiting.alert.dispatch_log.as_deref());
            Asked { shown: log.into_iter().rfind(|entry| entry.event == SHOWN), waiting }
        };
        Ok((all, rows.into_iter().map(asked).collect()))
    }
}
