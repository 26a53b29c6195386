//! How many alerts of each state a list would show.

use super::{History, HistoryError};
use crate::{clock::comparable, model::status::DispatchStatus, store::read};
use chrono::{DateTime, Utc};

impl History {
    /// Alerts of each state that were stored since then; `most` stands for that many or more.
    pub async fn by_status(
        &self,
        since: Option<DateTime<Utc>>,
        most: u16,
    ) -> Result<Vec<(DispatchStatus, i64)>, HistoryError> {
        let since = since.map(comparable);
        Ok(self.ours(move |conn| read::by_status(conn, since, most)).await?)
    }
}
