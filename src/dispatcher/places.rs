//! Frees places while no tracker does: where a full route has rows that wait, the dispatchers ask StackStorm for the executions
//! that take its places.
//!
//! A place is freed by an end that StackStorm shows, by its 404, or, after `POUNDCAKE_EXECUTION_DEADLINE`, by its answer that the
//! execution has not ended. A StackStorm that does not answer frees none.

use super::Dispatch;
use crate::{
    database::DatabaseError,
    stackstorm::{ExecutionId, LookupError},
    store::dispatch::places::{self, GONE, OVERDUE, Place},
};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// How often StackStorm is asked.
const EVERY: Duration = Duration::from_secs(10);
/// Executions of one question.
const PAGE: usize = 100;
/// Executions that are asked for each time at most.
const MOST: i64 = 2_000;

/// Why places could not be looked at.
#[derive(Debug, thiserror::Error)]
enum PlacesError {
    #[error(transparent)]
    StackStorm(#[from] LookupError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Asks until cancelled.
pub(crate) async fn watch(dispatch: Arc<Dispatch>, stop: CancellationToken) {
    let mut asked: Option<Instant> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        let routes = dispatch.lines.full();
        if routes.is_empty() || asked.is_some_and(|at| at.elapsed() < EVERY) {
            continue;
        }
        asked = Some(Instant::now());
        let freed = tokio::select! {
            () = stop.cancelled() => return,
            freed = free(&dispatch, routes) => freed,
        };
        match freed {
            Ok(0) => {}
            Ok(places) => {
                log::info!(event = "places_freed", places; "executions have ended, their places are free");
                dispatch.lines.wake();
            }
            Err(error) => {
                log::debug!(event = "places_unread"; "places are not looked at now: {}", crate::logging::chain(&error));
            }
        }
    }
}

/// Returns how many links have ended. A limit of all routes together may be full by any route: then all are asked for. Else what
/// other routes run does not stand before what these have.
async fn free(dispatch: &Dispatch, full: Vec<String>) -> Result<usize, PlacesError> {
    let routes = dispatch.routes.table().max_in_flight().is_none().then_some(full);
    let taken = dispatch.store.run(move |conn| places::taken(conn, routes.as_deref(), MOST)).await?;
    let mut ended = 0;
    for page in taken.chunks(PAGE) {
        let ends = ends(dispatch, page).await?;
        ended += dispatch.store.run(move |conn| places::end(conn, &ends)).await?;
    }
    Ok(ended)
}

/// The executions of a page that free their places, each with why.
async fn ends(dispatch: &Dispatch, page: &[Place]) -> Result<Vec<(String, String)>, PlacesError> {
    let ids: Vec<ExecutionId> = page.iter().filter_map(|place| ExecutionId::parse(&place.execution_id).ok()).collect();
    let mut seen: HashMap<ExecutionId, (String, bool)> = HashMap::new();
    match dispatch.client.glance(&ids).await {
        Ok(listed) => seen.extend(listed.into_iter().map(|one| {
            let terminal = one.is_terminal();
            (one.id, (one.status, terminal))
        })),
        // Who may not list may still be shown each one.
        Err(LookupError::Unreadable(_) | LookupError::Refused { status: 403, .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let mut ends = Vec::new();
    for (place, id) in page.iter().filter_map(|place| Some((place, ExecutionId::parse(&place.execution_id).ok()?))) {
        let known = match seen.remove(&id) {
            Some(known) => Some(known),
            None => alone(dispatch, &id).await?,
        };
        let end = match known {
            Some((status, true)) => Some(status),
            Some((_, false)) if place.age > dispatch.policy.execution_deadline => {
                dispatch.metrics.guards.freed_by_deadline.inc();
                log::warn!(event = "place_freed_by_deadline", st2_execution_id:% = id;
                    "an execution has not ended within POUNDCAKE_EXECUTION_DEADLINE; its place is free");
                Some(OVERDUE.to_owned())
            }
            _ => None,
        };
        ends.extend(end.map(|end| (place.execution_id.clone(), end)));
    }
    Ok(ends)
}

/// Absence from a list says nothing; a 404 to the question for this one is an end. `None`: it cannot be told.
async fn alone(dispatch: &Dispatch, id: &ExecutionId) -> Result<Option<(String, bool)>, LookupError> {
    match dispatch.client.execution(id).await {
        Ok(Some(execution)) => {
            let terminal = execution.is_terminal();
            Ok(Some((execution.status, terminal)))
        }
        Ok(None) => Ok(Some((GONE.to_owned(), true))),
        Err(LookupError::Unreadable(_) | LookupError::Refused { status: 403, .. } | LookupError::TooLarge { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
