//! What an admission counts of one route.

use super::{Brakes, GuardedRoute, Request};
use crate::{
    database::{DatabaseError, connection::AnyConnection},
    model::guards::{
        Release,
        admission::{Counts, Line},
    },
    store::dispatch::counts,
};
use chrono::NaiveDateTime;

/// What is counted of a route. A brake that is on by hand stays on.
pub(super) fn count<'a>(
    conn: &mut AnyConnection,
    request: &Request<'_>,
    route: &'a GuardedRoute,
    brakes: &mut Brakes,
    now: NaiveDateTime,
) -> Result<Line<'a>, DatabaseError> {
    let policy = &route.policy;
    let places = if policy.max_in_flight.is_some() { counts::places(conn, &route.name)? } else { 0 };
    let starts = counts::starts(conn, &route.name, &policy.rates, now)?;
    let on = match &policy.brake {
        None => false,
        Some(brake) if brake.release == Release::ByHand && brakes.is_on(&route.name) => true,
        Some(brake) => counts::too_many_targets(conn, &route.name, brake.above, now - brake.within)?,
    };
    brakes.set(&route.name, on, now);
    let paused = request.pauses.iter().any(|pause| pause.covers_route(&route.name));
    let counts = Counts { places, starts, braked: on, ..Counts::default() };
    Ok(Line { policy, cooldown: route.cooldown, paused, counts })
}
