//! The dispatcher's side of a row: claiming it with a token. `release` has every way a claim ends.
//!
//! A claim is a lease (`next_attempt_at`) held by a token (`claimed_by`). Every UPDATE after it carries the token and
//! `dispatching`, so a claim that outlived its lease changes nothing.
//! Crash safety: before the claim's COMMIT nothing happened; after it the lease ends and the row, marked uncertain
//! before anything is sent, is looked up before anybody posts.

use super::due::RELAYED;
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        prepared::{among, filled, prepared, update},
        schema::{
            poundcake_alerts::{self, dsl},
            poundcake_api_calls,
        },
        transaction,
    },
    model::{
        ids::{AlertId, ApiCallId, RequestId},
        status::{AlertStatus, DispatchStatus},
        target::Target,
    },
    store::{
        ingest::alerts::status,
        unreadable::{self, Unreadable},
    },
};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// What a delivery asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimRequest {
    /// The row.
    pub alert_id: AlertId,
    /// The generation that was published; another one makes the message stale.
    pub generation: i32,
}

/// A claimed row: everything that a dispatch needs.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The row as it was read under the claim.
    pub alert: ClaimedAlert,
    /// Its webhook.
    pub request_id: RequestId,
    /// Proves the claim in every later UPDATE.
    pub token: String,
    /// Where it goes; `None`: no route matches. Stored before anything is sent.
    pub target: Option<Target>,
    /// The database's clock at the claim.
    pub claimed_at: NaiveDateTime,
    /// This host's, read before the database's: however late COMMIT is answered, the lease counts from no earlier.
    pub begun: Instant,
}

impl Claimed {
    /// True when the resolver has moved an uncertain webhook back to `pending` (`on_uncertain: post_again`): its lookups were
    /// empty for a whole settle time. Of a replay `attempted_at` is NULL, and it settles before it is certain.
    pub fn may_be_posted_again(&self) -> bool {
        let alert = &self.alert;
        let marked = alert.dispatch_uncertain && alert.settling_since.is_some() && alert.attempted_at.is_some();
        marked && matches!(self.target, Some(Target::Webhook(_)))
    }
}

/// The columns of a claimed row.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = poundcake_alerts)]
pub struct ClaimedAlert {
    /// The row.
    pub id: AlertId,
    /// Its webhook.
    pub api_call_id: ApiCallId,
    /// 16 hex digits.
    pub fingerprint: String,
    /// As sent.
    #[diesel(deserialize_as = String)]
    pub labels: Texts,
    /// As sent.
    #[diesel(deserialize_as = String)]
    pub annotations: Texts,
    /// Firing, as a rule.
    pub status: AlertStatus,
    /// As sent.
    pub starts_at: Option<NaiveDateTime>,
    /// As sent.
    pub generator_url: Option<String>,
    /// When the row was inserted.
    pub created_at: NaiveDateTime,
    /// When this generation began.
    pub pending_at: Option<NaiveDateTime>,
    /// Of this generation, before this claim.
    pub dispatch_attempts: i32,
    /// This one.
    pub dispatch_generation: i32,
    /// Before this claim: true means look before posting.
    pub dispatch_uncertain: bool,
    /// Before this claim: nothing shows that the last call is over.
    pub dispatch_silent: bool,
    /// Since when lookups have been healthy and empty.
    pub settling_since: Option<NaiveDateTime>,
    /// Before this claim.
    pub attempted_at: Option<NaiveDateTime>,
    /// Where the last attempt went.
    pub dispatch_target: Option<String>,
    /// See `dispatch_log`.
    pub dispatch_log: Option<String>,
}

/// A JSON object of texts, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub BTreeMap<String, String>, Option<String>);

impl From<String> for Texts {
    /// What cannot be read has no texts and says why; `claim` leaves such a row.
    fn from(json: String) -> Self {
        match serde_json::from_str(&json) {
            Ok(texts) => Self(texts, None),
            Err(error) => Self(BTreeMap::new(), Some(error.to_string())),
        }
    }
}

impl Texts {
    /// Fails where the column could not be read.
    pub(crate) fn check(&self, alert_id: AlertId, column: &str) -> Result<(), Unreadable> {
        let problem = |text| Unreadable::new(alert_id, format!("{column} is not a JSON object of texts: {text}"));
        self.1.as_deref().map(problem).map_or(Ok(()), Err)
    }
}

/// How claims are made.
pub struct ClaimPolicy<'a> {
    /// How long a claim is ours.
    pub lease: Duration,
    /// Where an alert goes, by its labels; called for rows that are not uncertain.
    pub route: &'a dyn Fn(&ClaimedAlert) -> Option<Target>,
}

/// Claims what can be claimed of `requests`, in one transaction; what is missing from the result was not claimable:
/// stale, settled, held by another dispatcher, not due, or not readable.
///
/// The rows are locked while they are read, so one UPDATE writes the claim and what is about to be sent.
pub fn claim(
    conn: &mut AnyConnection,
    requests: &[ClaimRequest],
    token: &str,
    policy: &ClaimPolicy<'_>,
) -> Result<Vec<Claimed>, DatabaseError> {
    let (claimed, unreadable) = transaction::write(conn, |conn| {
        let begun = Instant::now();
        let (mut all, mut unreadable) = (Vec::new(), Vec::new());
        for (alert, request_id, now) in claimable(conn, requests)? {
            match read(&alert, request_id.as_deref(), policy) {
                Ok((request_id, target)) => {
                    let token = token.to_owned();
                    all.push(Claimed { alert, request_id, token, target, claimed_at: now, begun });
                }
                Err(row) => unreadable.push((row, now)),
            }
        }
        take(conn, &all, token, policy.lease)?;
        for (row, now) in &unreadable {
            unreadable::put_off(conn, std::slice::from_ref(row), *now)?;
        }
        Ok((all, unreadable))
    })?;
    let unreadable: Vec<Unreadable> = unreadable.into_iter().map(|(row, _)| row).collect();
    unreadable::report(&unreadable);
    Ok(claimed)
}

/// What a dispatch needs of a row besides the row. Nothing is made up for what cannot be read: without its labels an alert
/// would take another route, and without its target a lookup would look elsewhere and post again.
fn read(
    alert: &ClaimedAlert,
    request_id: Option<&str>,
    policy: &ClaimPolicy<'_>,
) -> Result<(RequestId, Option<Target>), Unreadable> {
    let request_id = unreadable::request_id(alert.id, alert.api_call_id, request_id)?;
    alert.labels.check(alert.id, "labels")?;
    alert.annotations.check(alert.id, "annotations")?;
    // A row that may have been sent keeps its target: the lookup must look where it went.
    let sent_to = alert.dispatch_target.as_deref().filter(|_| alert.dispatch_uncertain);
    let target = match sent_to.map(str::parse) {
        Some(Ok(target)) => Some(target),
        Some(Err(error)) => return Err(Unreadable::new(alert.id, format!("dispatch_target: {error}"))),
        None => (policy.route)(alert),
    };
    Ok((request_id, target))
}

/// An alert, the `request_id` of its webhook, and the time of the claim.
type Row = (ClaimedAlert, Option<String>, NaiveDateTime);

/// The guard, under locks that last until COMMIT. A `pending` row is in its backoff until it is due, but for two cases in
/// which its due time is only the relay's, and its message may be consumed before the confirm is marked: it was never
/// attempted in this generation, or a relay has just taken it because it was due.
fn claimable(conn: &mut AnyConnection, requests: &[ClaimRequest]) -> Result<Vec<Row>, DatabaseError> {
    let now = transaction::clock(conn);
    let asked: BTreeSet<(AlertId, i32)> =
        requests.iter().map(|request| (request.alert_id, request.generation)).collect();
    let fresh = dsl::attempted_at.is_null().or(dsl::claimed_by.eq(RELAYED).assume_not_null());
    let due = dsl::next_attempt_at.le(now).assume_not_null();
    let pending = status().eq(DispatchStatus::Pending).and(fresh.or(due));
    let query = dsl::poundcake_alerts
        .filter(dsl::id.eq_any(filled(asked.iter().map(|(id, _)| *id))))
        .filter(status().eq(DispatchStatus::Queued).or(pending))
        // All dispatchers lock in one order.
        .order(dsl::id);
    // A subquery locks nothing, a join would lock the webhook for all its other alerts.
    let call = poundcake_api_calls::table.filter(poundcake_api_calls::id.eq(dsl::api_call_id));
    let request_id = call.select(poundcake_api_calls::request_id).single_value();
    let rows: Vec<Row> = match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => {
            prepared(query.for_update().select((ClaimedAlert::as_select(), request_id, now))).load(conn)?
        }
        // BEGIN IMMEDIATE holds the only write lock.
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(conn) => {
            prepared(query.select((ClaimedAlert::as_select(), request_id, now))).load(conn)?
        }
    };
    Ok(rows.into_iter().filter(|(row, ..)| asked.contains(&(row.id, row.dispatch_generation))).collect())
}

/// The claim, of rows that are locked. What is about to be sent is marked as an attempt, and uncertain before it is sent,
/// whatever happens afterwards.
fn take(conn: &mut AnyConnection, claimed: &[Claimed], token: &str, lease: Duration) -> Result<(), DatabaseError> {
    let Some(now) = claimed.first().map(|claimed| claimed.claimed_at) else { return Ok(()) };
    let mut targets: BTreeMap<Option<String>, Vec<AlertId>> = BTreeMap::new();
    for claimed in claimed {
        let sends = !claimed.alert.dispatch_uncertain || claimed.may_be_posted_again();
        let sent = claimed.target.as_ref().filter(|_| sends);
        targets.entry(sent.map(ToString::to_string)).or_default().push(claimed.alert.id);
    }
    for (target, ids) in targets {
        let claim = (
            dsl::dispatch_status.eq(DispatchStatus::Dispatching),
            dsl::claimed_by.eq(Some(token)),
            dsl::next_attempt_at.eq(Some(now + lease)),
            dsl::updated_at.eq(now),
        );
        let attempt = target.map(|target| {
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
        update(among(ids), (claim, attempt)).execute(conn)?;
    }
    Ok(())
}
