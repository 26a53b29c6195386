//! What came and what ran in the last hour and the last day: the charts of the page.

use super::{History, HistoryError, kept::Kept};
use crate::store::read::rhythm::{self, Rhythm, Step};
use chrono::NaiveDateTime;
use std::{sync::Arc, time::Duration};

/// The charts of one step.
#[derive(Debug, Clone, Default)]
pub struct Charts {
    /// When they were read, by the database's clock.
    pub at: NaiveDateTime,
    /// The bars' parts.
    pub rhythm: Rhythm,
}

/// The charts that are kept. The last minutes change quickly and cost little; a day of a busy installation costs a second.
#[derive(Clone)]
pub(super) struct KeptCharts {
    minutes: Arc<Kept<Charts>>,
    hours: Arc<Kept<Charts>>,
}

impl Default for KeptCharts {
    fn default() -> Self {
        let kept =
            |fresh: u64, usable: u64| Arc::new(Kept::new(Duration::from_secs(fresh), Duration::from_secs(usable)));
        Self { minutes: kept(4, 60), hours: kept(60, 300) }
    }
}

impl History {
    /// The charts with bars of this width, as they were some seconds ago.
    pub async fn charts(&self, step: Step) -> Result<Arc<Charts>, HistoryError> {
        let kept = match step {
            Step::Minute => &self.charts.minutes,
            Step::Hour => &self.charts.hours,
        };
        let history = self.clone();
        kept.get(|| async move {
            let (at, rhythm) = history.ours(move |conn| rhythm::rhythm(conn, step)).await?;
            Ok(Charts { at, rhythm })
        })
        .await
    }
}
