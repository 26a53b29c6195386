//! What guards hold and count at this moment.

use super::{History, HistoryError};
use crate::store::read::{self, Guards};

impl History {
    /// Route by route, and the pauses in force.
    pub async fn guards(&self) -> Result<Guards, HistoryError> {
        Ok(self.ours(read::guards).await?)
    }
}
