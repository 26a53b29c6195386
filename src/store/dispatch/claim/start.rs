//! What a claim writes into the rows that it holds.

use super::{Claimed, Purpose};
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        prepared::{among, update},
        schema::poundcake_alerts::dsl,
    },
    model::{
        ids::AlertId,
        status::{DispatchReason, DispatchStatus},
    },
};
use chrono::NaiveDateTime;
use diesel::{
    prelude::*,
    sql_types::{Nullable, Timestamp},
};
use std::{collections::BTreeMap, time::Duration};

#[diesel::declare_sql_function]
extern "SQL" {
    /// The first of both that is not NULL.
    fn coalesce(first: Nullable<Timestamp>, second: Nullable<Timestamp>) -> Nullable<Timestamp>;
}

/// Rows that one UPDATE changes alike.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    token: String,
    /// What is about to be sent, and where.
    sent: Option<String>,
    /// `None` leaves the route as it is.
    route: Option<(String, Option<String>)>,
    /// A start of its own, or the one that the row has.
    starts: bool,
}

impl Alike {
    fn of(claimed: &Claimed) -> Self {
        let again = claimed.may_be_posted_again();
        let sends = claimed.purpose == Purpose::Send || again;
        let target = claimed.target.as_ref().filter(|_| sends);
        let routed = claimed.purpose != Purpose::Look;
        let route = claimed.alert.dispatch_route.clone().filter(|_| routed);
        Self {
            token: claimed.token.clone(),
            sent: target.map(ToString::to_string),
            route: route.map(|route| (route, claimed.alert.guard_target.clone())),
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
) -> Result<(), DatabaseError> {
    let Some(now) = claimed.first().map(|claimed| claimed.claimed_at) else { return Ok(()) };
    let mut groups: BTreeMap<Alike, Vec<AlertId>> = BTreeMap::new();
    for claimed in claimed {
        groups.entry(Alike::of(claimed)).or_default().push(claimed.alert.id);
    }
    for (Alike { token, sent, route, starts }, ids) in groups {
        let claim = (
            dsl::dispatch_status.eq(DispatchStatus::Dispatching),
            dsl::dispatch_reason.eq(None::<DispatchReason>),
            dsl::claimed_by.eq(Some(token)),
            dsl::next_attempt_at.eq(Some(now + lease)),
            dsl::updated_at.eq(now),
        );
        let routed = route.map(|(route, target)| (dsl::dispatch_route.eq(Some(route)), dsl::guard_target.eq(target)));
        let start = starts.then(|| {
            // MariaDB assigns from left to right.
            (dsl::first_started_at.eq(coalesce(dsl::first_started_at, Some(now))), dsl::started_at.eq(Some(now)))
        });
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
        update(among(ids), (claim, routed, start, attempt)).execute(conn)?;
    }
    Ok(())
}
