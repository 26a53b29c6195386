//! The admission: rows of the lines go straight to `dispatching`, serial over all dispatchers.
//!
//! The transaction changes the guard row first, so no two admissions overlap, and only then reads the clock and the counts: each
//! sees every earlier start. While it holds the guard row it waits for no alert's row (`SKIP LOCKED`), and nothing but an
//! admission and a release waits for it. Two READ COMMITTED claims without that row gave 10 places for a limit of 5.
//!
//! Crash safety: before COMMIT nothing happened. After it the rows are claims like any other: uncertain, with a start and a
//! lease, so they are looked up before anything is posted. If COMMIT is not answered, `release::disclaim` gives them back.

mod apply;
mod heads;
mod line;
mod look;

pub use look::{Seen, Sight, look};

use super::{
    claim::{Claimed, Purpose, start},
    counts,
};
use crate::{
    database::{DatabaseError, connection::AnyConnection, transaction},
    model::{
        guards::{
            GuardPolicy,
            admission::{self, Blocked, Fate},
        },
        ids::AlertId,
        pause::Pause,
        target::Target,
    },
    store::guard_row,
};
use chrono::{NaiveDateTime, TimeDelta};
use heads::HeadRow;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// A guarded route, as the admission needs it.
#[derive(Debug, Clone)]
pub struct GuardedRoute {
    /// Its name.
    pub name: String,
    /// Its guards.
    pub policy: GuardPolicy,
    /// The cooldown in force.
    pub cooldown: TimeDelta,
    /// Where it sends alerts.
    pub target: Target,
}

/// What is asked of an admission.
pub struct Request<'a> {
    /// The guarded routes of the file, in its order.
    pub routes: &'a [GuardedRoute],
    /// The limit of all routes together.
    pub max_in_flight: Option<u32>,
    /// The pauses in force.
    pub pauses: &'a [Pause],
    /// So many starts at most.
    pub slots: usize,
    /// Proves the claims.
    pub token: &'a str,
    /// How long they are ours.
    pub lease: Duration,
}

/// What an admission did.
#[derive(Debug, Default)]
pub struct Admitted {
    /// Started: to be dispatched now.
    pub claimed: Vec<Claimed>,
    /// Rows that left their line for a reason of their own.
    pub left: usize,
    /// The routes whose line has rows that stay, and why the line does not move.
    pub blocked: Vec<(String, Blocked)>,
    /// The routes whose brake is on.
    pub braked: Vec<String>,
}

/// The routes whose line has rows, or whose brake is on: a brake ends with its line, also when its last alert resolves. One look,
/// or two where a route has a brake; it locks nothing.
pub fn lines(conn: &mut AnyConnection, routes: &[GuardedRoute]) -> Result<Vec<String>, DatabaseError> {
    let mut lines = counts::lines(conn)?;
    if routes.iter().any(|route| route.policy.brake.is_some()) {
        lines.extend(guard_row::Brakes::read(conn)?.names());
    }
    lines.retain(|line| routes.iter().any(|route| route.name == *line));
    Ok(lines)
}

/// Starts what may be started.
pub fn admit(conn: &mut AnyConnection, request: &Request<'_>) -> Result<Admitted, DatabaseError> {
    let waiting = counts::lines(conn)?;
    let lines: Vec<&GuardedRoute> =
        request.routes.iter().filter(|route| waiting.binary_search(&route.name).is_ok()).collect();
    if lines.is_empty() && guard_row::Brakes::read(conn)?.is_empty() {
        return Ok(Admitted::default());
    }
    transaction::write(conn, |conn| admit_once(conn, request, &lines))
}

fn admit_once(
    conn: &mut AnyConnection,
    request: &Request<'_>,
    routes: &[&GuardedRoute],
) -> Result<Admitted, DatabaseError> {
    let begun = Instant::now();
    let brakes_before = guard_row::lock(conn)?;
    // In a statement of its own: the clock of the statement that waited for the guard row is old.
    let now = transaction::now(conn)?;
    let mut brakes = brakes_before.clone();
    // A brake holds a line; without one it is over.
    brakes.retain(|route| routes.iter().any(|line| line.name == route));
    let mut lines = Vec::with_capacity(routes.len());
    for route in routes {
        lines.push(line::count(conn, request, route, &brakes, now)?);
    }
    let all_places = request.max_in_flight.map(|limit| Ok::<_, DatabaseError>((limit, counts::all_places(conn)?)));
    let all_places = all_places.transpose()?;
    let mut rows = HashMap::new();
    let heads = heads::load(conn, request, routes, &mut lines, &mut rows, now)?;
    // After the heads: each of them is in the line that is counted, so no start takes a brake by surprise.
    for (route, line) in std::iter::zip(routes, &mut lines) {
        line.counts.braked = line::is_braked(conn, route, &brakes, now)?;
        brakes.set(&route.name, line.counts.braked, now);
    }
    let decision = admission::decide(now, request.slots, all_places, lines, heads);
    let admitted = apply(conn, request, routes, &decision, (rows, now, begun))?;
    if brakes != brakes_before {
        guard_row::write(conn, &brakes)?;
    }
    Ok(Admitted { braked: brakes.names(), ..admitted })
}

fn apply(
    conn: &mut AnyConnection,
    request: &Request<'_>,
    routes: &[&GuardedRoute],
    decision: &admission::Decision,
    (mut rows, now, begun): (HashMap<AlertId, HeadRow>, NaiveDateTime, Instant),
) -> Result<Admitted, DatabaseError> {
    let mut claimed = Vec::new();
    let mut left = Vec::new();
    for (id, fate) in &decision.fates {
        let Some(row) = rows.remove(id) else { continue };
        match fate {
            Fate::Start => claimed.push(Claimed {
                target: routes.get(row.line).map(|route| route.target.clone()),
                alert: row.alert,
                request_id: row.request_id,
                token: request.token.to_owned(),
                purpose: Purpose::Send,
                claimed_at: now,
                begun,
            }),
            Fate::Leave(reason, until) => left.push((*id, *reason, *until)),
        }
    }
    start::take(conn, &claimed, request.lease, start::From::Line)?;
    apply::leave(conn, &left, now)?;
    let blocked = std::iter::zip(routes, &decision.blocked)
        .filter_map(|(route, blocked)| Some((route.name.clone(), (*blocked)?)))
        .collect();
    Ok(Admitted { claimed, left: left.len(), blocked, braked: Vec::new() })
}

/// Names the guard that holds a line in the rows of it: up to `limit` of those that name another one. Lists and filters show it; no
/// decision depends on it. Returns how many rows changed.
pub fn name_guard(conn: &mut AnyConnection, route: &str, blocked: Blocked, limit: i64) -> Result<usize, DatabaseError> {
    apply::name_guard(conn, route, blocked, limit)
}
