//! The columns of what is read back.

use super::{Dispatched, rules};
use crate::{
    database::{
        DatabaseError,
        connection::{AnyConnection, each},
        inserted_ids,
        schema::{
            poundcake_alerts::{self, dsl},
            poundcake_api_calls,
        },
    },
    model::{
        ids::{AlertId, ApiCallId},
        status::{AlertStatus, DispatchReason, DispatchStatus},
    },
};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// What StackStorm got of an alert; what it did not get is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentAlert {
    /// 16 hex digits.
    pub fingerprint: String,
    /// Cut to the column.
    pub alert_name: String,
    /// Cut to the column.
    pub severity: String,
    /// Cut to the column.
    pub instance: String,
    /// JSON.
    pub labels: String,
    /// JSON.
    pub annotations: String,
    /// UTC.
    pub starts_at: Option<NaiveDateTime>,
}

#[derive(Insertable)]
#[diesel(table_name = poundcake_api_calls)]
struct Call<'a> {
    request_id: &'a str,
    method: &'a str,
    path: &'a str,
    headers: &'a str,
    body: &'a str,
    status_code: i32,
    created_at: NaiveDateTime,
}

/// A webhook's body is not sent to StackStorm, so it is lost; the row says so.
const BODY: &str = r#"{"poundcake":"this webhook was received after the backup that was restored; its body is lost, and what StackStorm ran of it was read back"}"#;

/// The row of a webhook that is lost.
pub(super) fn insert_call(conn: &mut AnyConnection, dispatched: &Dispatched) -> Result<ApiCallId, DatabaseError> {
    let call = Call {
        request_id: dispatched.tag.request_id.as_str(),
        method: "POST",
        path: "/api/v1/webhook",
        headers: "{}",
        body: BODY,
        status_code: 202,
        created_at: dispatched.begun,
    };
    each!(conn, |c| diesel::insert_into(poundcake_api_calls::table).values(&call).execute(c))?;
    let ids = inserted_ids::of_last_insert(conn, 1, ApiCallId)?;
    ids.first().copied().ok_or_else(|| DatabaseError::Unreadable("the webhook's row has no id".to_owned()))
}

/// A row that is made again.
pub(super) struct New<'a> {
    /// `None`: another alert has it by now.
    pub(super) id: Option<AlertId>,
    pub(super) call: ApiCallId,
    pub(super) alert: &'a SentAlert,
    pub(super) dispatched: &'a Dispatched,
    pub(super) is_open: bool,
    pub(super) log: String,
    pub(super) now: NaiveDateTime,
}

/// Inserts it with the end of its dispatch, and returns its id. A given id moves the counter of the table behind it.
pub(super) fn insert_alert(conn: &mut AnyConnection, new: &New<'_>) -> Result<AlertId, DatabaseError> {
    let New { alert, dispatched, is_open, now, .. } = *new;
    let seen = Some(dispatched.begun);
    let columns = (
        dsl::api_call_id.eq(new.call),
        dsl::fingerprint.eq(&alert.fingerprint),
        dsl::alert_name.eq(&alert.alert_name),
        dsl::severity.eq(&alert.severity),
        dsl::instance.eq(&alert.instance),
        dsl::labels.eq(&alert.labels),
        dsl::annotations.eq(&alert.annotations),
        dsl::status.eq(AlertStatus::Firing),
        dsl::starts_at.eq(alert.starts_at),
        dsl::created_at.eq(dispatched.begun),
        dsl::updated_at.eq(now),
    );
    let episode = (
        dsl::open_fingerprint.eq(is_open.then_some(&alert.fingerprint)),
        dsl::last_seen_at.eq(seen),
        dsl::closed_at.eq((!is_open).then_some(now)),
    );
    let dispatch = (
        dsl::dispatch_status.eq(DispatchStatus::Dispatched),
        dsl::dispatch_target.eq(dispatched.target.as_deref()),
        dsl::dispatch_generation.eq(dispatched.seen),
        dsl::dispatch_attempts.eq(1),
        dsl::dispatch_log.eq(&new.log),
        dsl::dispatch_silent.eq(false),
        dsl::st2_rule_matched.eq(rules(&dispatched.links)),
        dsl::pending_at.eq(seen),
        dsl::attempted_at.eq(seen),
        dsl::dispatched_at.eq(seen),
        dsl::started_at.eq(seen),
        dsl::first_started_at.eq(seen),
    );
    if let Some(id) = new.id {
        let row = (dsl::id.eq(id), columns, episode, dispatch);
        each!(conn, |c| diesel::insert_into(poundcake_alerts::table).values(row).execute(c))?;
        return Ok(id);
    }
    let row = (columns, episode, dispatch);
    each!(conn, |c| diesel::insert_into(poundcake_alerts::table).values(row).execute(c))?;
    let ids = inserted_ids::of_last_insert(conn, 1, AlertId)?;
    ids.first().copied().ok_or_else(|| DatabaseError::Unreadable("the alert's row has no id".to_owned()))
}

/// The end of a dispatch whose row is there.
#[derive(AsChangeset)]
#[diesel(table_name = poundcake_alerts, treat_none_as_null = true)]
pub(super) struct Settled {
    dispatch_status: DispatchStatus,
    dispatch_reason: Option<DispatchReason>,
    dispatch_error: Option<String>,
    dispatch_uncertain: bool,
    settling_since: Option<NaiveDateTime>,
    next_attempt_at: Option<NaiveDateTime>,
    claimed_by: Option<String>,
    st2_rule_matched: Option<String>,
    attempted_at: Option<NaiveDateTime>,
    dispatched_at: Option<NaiveDateTime>,
    started_at: Option<NaiveDateTime>,
}

pub(super) fn settled(dispatched: &Dispatched) -> Settled {
    let begun = Some(dispatched.begun);
    Settled {
        dispatch_status: DispatchStatus::Dispatched,
        dispatch_reason: None,
        dispatch_error: None,
        dispatch_uncertain: false,
        settling_since: None,
        next_attempt_at: None,
        claimed_by: None,
        st2_rule_matched: rules(&dispatched.links),
        attempted_at: begun,
        dispatched_at: begun,
        started_at: begun,
    }
}
