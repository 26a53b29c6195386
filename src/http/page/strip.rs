//! The line at the top of every page that says whether all is well: the verdict of `/`, as it was some seconds ago.

use super::{stations, verdict, words::State};
use crate::history::History;
use std::time::Duration;

/// A page is shown without the line rather than late.
const PATIENCE: Duration = Duration::from_secs(1);

/// The line; `/` says more.
#[derive(Clone)]
pub(in crate::http) struct Strip {
    pub(super) class: &'static str,
    pub(super) state: State,
    pub(super) reason: String,
}

/// The line; `None` where it cannot be told in time.
pub(in crate::http) async fn of(history: &History) -> Option<Strip> {
    let standing = tokio::time::timeout(PATIENCE, history.standing()).await.ok()?.ok()?;
    let (standing, processes) = &*standing;
    let verdict = verdict::of(standing, &stations::of(processes, 0));
    Some(Strip { class: verdict.class, state: verdict.state, reason: verdict.reason })
}
