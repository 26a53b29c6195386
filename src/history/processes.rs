//! The running processes, as they tell it.

use super::{History, HistoryError};
use crate::store::processes::{self, Process};

impl History {
    /// By role and instance; one that ended within the last hour without deleting its row is stale.
    pub async fn processes(&self) -> Result<Vec<Process>, HistoryError> {
        Ok(self.ours(processes::read).await?)
    }
}
