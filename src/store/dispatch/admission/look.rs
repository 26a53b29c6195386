//! What an admission would count and decide now, without its lock: for people.

use super::{Request, line};
use crate::{
    database::{DatabaseError, connection::AnyConnection, transaction},
    model::{
        guards::admission::{self, Blocked, Counts, Head, Line},
        ids::AlertId,
    },
    store::{dispatch::counts, guard_row::Brakes},
};
use chrono::NaiveDateTime;

/// One route as an admission sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Places, starts and brake.
    pub counts: Counts,
    /// What would hold the next row of the line, had it no reason of its own; `None`: it would be started.
    pub blocked: Option<Blocked>,
    /// Different targets in the line and among the starts that the brake counts; one more than `above` is "more".
    pub targets: usize,
}

/// All guarded routes as an admission sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The database's clock.
    pub now: NaiveDateTime,
    /// In the order of the request.
    pub routes: Vec<Seen>,
    /// The limit of all routes together, and how many places of it are taken.
    pub all_places: Option<(u32, u32)>,
}

/// Looks. Another process may start or end something meanwhile.
pub fn look(conn: &mut AnyConnection, request: &Request<'_>) -> Result<Sight, DatabaseError> {
    let now = transaction::now(conn)?;
    let brakes = Brakes::read(conn)?;
    let mut lines = Vec::new();
    let mut targets = Vec::new();
    for route in request.routes {
        let mut line = line::count(conn, request, route, &brakes, now)?;
        line.counts.places = counts::places(conn, &route.name)?;
        line.counts.braked = line::is_braked(conn, route, &brakes, now)?;
        lines.push(line);
        targets.push(match &route.policy.brake {
            None => 0,
            Some(brake) => counts::different_targets(conn, &route.name, brake.above, now - brake.within)?,
        });
    }
    let all_places = request.max_in_flight.map(|limit| Ok::<_, DatabaseError>((limit, counts::all_places(conn)?)));
    let all_places = all_places.transpose()?;
    let counted: Vec<Counts> = lines.iter().map(|line| line.counts.clone()).collect();
    let blocked = blocked(now, all_places, lines);
    let routes = std::iter::zip(counted, std::iter::zip(blocked, targets));
    let routes = routes.map(|(counts, (blocked, targets))| Seen { counts, blocked, targets }).collect();
    Ok(Sight { now, routes, all_places })
}

/// The decision about a row at the head of each line that only the line can hold.
fn blocked(now: NaiveDateTime, all_places: Option<(u32, u32)>, lines: Vec<Line<'_>>) -> Vec<Option<Blocked>> {
    let head = |line| Head {
        id: AlertId(0),
        line,
        target: String::new(),
        fingerprint: String::new(),
        last_start: None,
        pending_at: now,
        paused_until: None,
        brake_waived: false,
        cooldown_waived: false,
    };
    let heads = (0..lines.len()).map(head).collect();
    admission::decide(now, 0, all_places, lines, heads).blocked
}
