//! What an admission counts of one route.

use super::{GuardedRoute, Request};
use crate::{
    database::{DatabaseError, connection::AnyConnection},
    model::guards::{
        Release,
        admission::{Counts, Line},
    },
    store::{dispatch::counts, guard_row::Brakes},
};
use chrono::NaiveDateTime;

/// What is counted of a route, but for its brake, which is as the last admission left it.
pub(super) fn count<'a>(
    conn: &mut AnyConnection,
    request: &Request<'_>,
    route: &'a GuardedRoute,
    brakes: &Brakes,
    now: NaiveDateTime,
) -> Result<Line<'a>, DatabaseError> {
    let policy = &route.policy;
    let places = if policy.max_in_flight.is_some() { counts::places(conn, &route.name)? } else { 0 };
    let starts = counts::starts(conn, &route.name, &policy.rates, now)?;
    let paused = request.pauses.iter().any(|pause| !pause.is_over(now) && pause.covers_route(&route.name));
    let counts = Counts { places, starts, braked: brakes.is_on(&route.name), ..Counts::default() };
    Ok(Line { policy, cooldown: route.cooldown, paused, counts })
}

/// Whether the brake of a route is on now. One that is on by hand stays on.
pub(super) fn is_braked(
    conn: &mut AnyConnection,
    route: &GuardedRoute,
    brakes: &Brakes,
    now: NaiveDateTime,
) -> Result<bool, DatabaseError> {
    match &route.policy.brake {
        None => Ok(false),
        Some(brake) if brake.release == Release::ByHand && brakes.is_on(&route.name) => Ok(true),
        Some(brake) => Ok(counts::different_targets(conn, &route.name, brake.above, now - brake.within)?
            > usize::try_from(brake.above).unwrap_or(usize::MAX)),
    }
}
