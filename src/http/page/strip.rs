//! The line at the top of every page that says whether all is well: the verdict of `/`, as it was some seconds ago.

use super::{
    stations::{self, Station},
    verdict,
    words::State,
};
use crate::{
    history::{History, Standing},
    model::status::DispatchReason,
};
use std::time::Duration;

/// A page is shown without the line rather than late.
const PATIENCE: Duration = Duration::from_secs(1);

/// The line; `/` says more.
#[derive(Clone)]
pub(in crate::http) struct Strip {
    pub(super) class: &'static str,
    pub(super) state: State,
    pub(super) reason: String,
    pub(super) rail: Rail,
}

/// What the list of pages says besides their names; nothing where it cannot be told in time.
#[derive(Clone, Default)]
pub(in crate::http) struct Rail {
    /// Alerts that a guard holds.
    pub(super) held: i64,
    /// Those of them that wait for a person.
    pub(super) approvals: i64,
    pub(super) connections: Vec<Connection>,
}

/// A neighbour and how it is.
#[derive(Clone)]
pub(in crate::http) struct Connection {
    pub(super) name: &'static str,
    pub(super) state: State,
}

/// Neighbours that other processes depend on; the whole way is on `/`.
const CONNECTIONS: [&str; 4] = ["Database", "RabbitMQ", "StackStorm", "Tracker"];

impl Rail {
    pub(super) fn of(standing: &Standing, stations: &[Station]) -> Self {
        let one =
            |station: &Station| Connection { name: station.name, state: State::new(station.class, station.short) };
        let held = |is: fn(Option<DispatchReason>) -> bool| {
            standing.held.iter().filter(|(reason, _)| is(*reason)).map(|(_, rows)| rows).sum::<i64>()
        };
        Self {
            held: held(|_| true),
            approvals: held(|reason| reason == Some(DispatchReason::Approval)),
            connections: stations.iter().filter(|station| CONNECTIONS.contains(&station.name)).map(one).collect(),
        }
    }
}

/// The line; `None` where it cannot be told in time.
pub(in crate::http) async fn of(history: &History) -> Option<Strip> {
    let standing = tokio::time::timeout(PATIENCE, history.standing()).await.ok()?.ok()?;
    let (standing, processes) = &*standing;
    let stations = stations::of(processes, 0);
    let verdict = verdict::of(standing, &stations);
    Some(Strip {
        class: verdict.class,
        state: verdict.state,
        reason: verdict.reason,
        rail: Rail::of(standing, &stations),
    })
}
