//! What a claim writes into the rows that it holds.

use super::{Claimed, ClaimedAlert, Purpose};
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        prepared::{among, each_row, update},
        schema::poundcake_alerts::dsl,
    },
    model::status::{DispatchReason, DispatchStatus},
};
use chrono::NaiveDateTime;
use diesel::{
    prelude::*,
    sql_types::{Nullable, Text, Timestamp},
};
use std::{collections::BTreeMap, time::Duration};

#[diesel::declare_sql_function]
extern "SQL" {
    /// The first of both that is not NULL.
    fn coalesce(first: Nullable<Timestamp>, second: Nullable<Timestamp>) -> Nullable<Timestamp>;
}

/// Where the rows of a claim come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::dispatch) enum From {
    /// The decision of the claim has named the route, and what its guards count.
    Queue,
    /// They are held for this route: both are in the rows.
    Line,
}

/// Rows that one UPDATE changes alike.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    token: String,
    /// What is about to be sent, and where.
    sent: Option<String>,
    /// `None` leaves the route and the guard's target as they are.
    route: Option<String>,
    has_guard_target: bool,
    /// A start of its own, or the one that the row has.
    starts: bool,
}

impl Alike {
    fn of(claimed: &Claimed, from: From) -> Self {
        let again = claimed.may_be_posted_again();
        let sends = claimed.purpose == Purpose::Send || again;
        let target = claimed.target.as_ref().filter(|_| sends);
        let routed = claimed.purpose != Purpose::Look && from == From::Queue;
        let route = claimed.alert.dispatch_route.clone().filter(|_| routed);
        Self {
            token: claimed.token.clone(),
            sent: target.map(ToString::to_string),
            has_guard_target: route.is_some() && claimed.alert.guard_target.is_some(),
            route,
            starts: claimed.purpose == Purpose::Send,
        }
    }
}

/// The claim, of rows that are locked. What is about to be sent is marked as an attempt, uncertain and started before it is
/// sent, whatever happens afterwards.
pub(in crate::store::dispatch) fn take(
    conn: &mut AnyConnection,
    claimed: &[Claimed],
    lease: Duration,
    from: From,
) -> Result<(), DatabaseError> {
    let Some(now) = claimed.first().map(|claimed| claimed.claimed_at) else { return Ok(()) };
    let mut groups: BTreeMap<Alike, Vec<&ClaimedAlert>> = BTreeMap::new();
    for claimed in claimed {
        groups.entry(Alike::of(claimed, from)).or_default().push(&claimed.alert);
    }
    for (Alike { token, sent, route, has_guard_target, starts }, alerts) in groups {
        let claim = (
            dsl::dispatch_status.eq(DispatchStatus::Dispatching),
            dsl::dispatch_reason.eq(None::<DispatchReason>),
            dsl::claimed_by.eq(Some(token)),
            dsl::next_attempt_at.eq(Some(now + lease)),
            dsl::updated_at.eq(now),
        );
        let no_guard_target = (route.is_some() && !has_guard_target).then(|| dsl::guard_target.eq(None::<String>));
        let guard_targets = has_guard_target.then(|| {
            let targets = alerts.iter().map(|alert| (alert.id, alert.guard_target.clone()));
            dsl::guard_target.eq(each_row::<Nullable<Text>, _>(targets))
        });
        let routed = (route.map(|route| dsl::dispatch_route.eq(Some(route))), no_guard_target, guard_targets);
        // Only guards ask for the first start.
        let is_guarded = has_guard_target || from == From::Line;
        let first =
            (starts && is_guarded).then(|| dsl::first_started_at.eq(coalesce(dsl::first_started_at, Some(now))));
        let start = (first, starts.then(|| dsl::started_at.eq(Some(now))));
        let attempt = sent.map(|target| {
            (
                dsl::dispatch_target.eq(Some(target)),
                dsl::dispatch_attempts.eq(dsl::dispatch_attempts + 1),
                dsl::dispatch_uncertain.eq(true),
                dsl::dispatch_silent.eq(true),
                // The mark permits one POST.
                dsl::settling_since.eq(None::<NaiveDateTime>),
                dsl::attempted_at.eq(Some(now)),
            )
        });
        update(among(alerts.iter().map(|alert| alert.id)), (claim, routed, start, attempt)).execute(conn)?;
    }
    Ok(())
}
