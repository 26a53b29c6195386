//! Writing down that StackStorm runs an alert: the row's end and its links, in one transaction, many at once.
//!
//! What if we die right before: the row is uncertain and its lease ends, so the execution is found by its trace tag and
//! adopted. Right after: the delivery comes again and is not claimable. If COMMIT is not answered, recording again
//! changes nothing.

use super::{
    StoreError,
    any::AnyConnection,
    dispatch_log::{self, Entry},
    links::{self, Link, NewLink},
    schema::poundcake_alerts::dsl,
    tx,
};
use crate::model::{
    column::column,
    ids::{AlertId, RequestId},
    status::{DispatchReason, DispatchStatus},
};
use chrono::NaiveDateTime;
use diesel::prelude::*;

/// What entitles to settle the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// A claim's token: the row is `dispatching`.
    Claim(String),
    /// The resolver: the row is `awaiting_execution` in this generation.
    Resolver {
        /// `dispatch_generation`.
        generation: i32,
    },
}

/// An alert that StackStorm runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The row.
    pub alert_id: AlertId,
    /// Its webhook.
    pub request_id: RequestId,
    /// Why we may.
    pub authority: Authority,
    /// At least one.
    pub links: Vec<Link>,
    /// For `dispatch_log`.
    pub log: Option<Entry>,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The row is `dispatched`.
    Dispatched,
    /// The row was settled already with these very executions: an unanswered COMMIT, or somebody adopted them.
    Known,
    /// The alert has another execution besides; the links are written all the same, for the executions exist.
    Surplus,
}

/// Records all, in the order of the ids (whatever order they come in), and answers in the order given.
pub fn record(conn: &mut AnyConnection, records: &[Record]) -> Result<Vec<Recorded>, StoreError> {
    tx::write(conn, |conn| {
        let now = tx::now(conn)?;
        let mut order: Vec<usize> = (0..records.len()).collect();
        order.sort_by_key(|index| records[*index].alert_id);
        let mut ours = vec![false; records.len()];
        for index in order {
            ours[index] = dispatched(conn, &records[index], now)?;
        }
        let new = |record: &Record| {
            let (request_id, alert_id) = (record.request_id, record.alert_id);
            record
                .links
                .iter()
                .map(move |link| NewLink { request_id, alert_id, link: link.clone() })
                .collect::<Vec<_>>()
        };
        let all: Vec<NewLink> = records.iter().flat_map(new).collect();
        let surplus = links::insert_missing(conn, &all, now)?;
        let recorded = |(record, ours): (&Record, bool)| match ours {
            true => Recorded::Dispatched,
            false if surplus.contains(&record.alert_id) => Recorded::Surplus,
            false => Recorded::Known,
        };
        Ok(std::iter::zip(records, ours).map(recorded).collect())
    })
}

fn dispatched(conn: &mut AnyConnection, record: &Record, now: NaiveDateTime) -> Result<bool, StoreError> {
    let rules: Vec<&str> = record.links.iter().filter_map(|link| link.rule_ref.as_deref()).collect();
    let rules = (!rules.is_empty()).then(|| column(&rules.join(","), 255).into_owned());
    let dispatched = (
        dsl::dispatch_status.eq(DispatchStatus::Dispatched),
        dsl::dispatch_reason.eq(None::<DispatchReason>),
        dsl::dispatch_uncertain.eq(false),
        dsl::settling_since.eq(None::<NaiveDateTime>),
        dsl::next_attempt_at.eq(None::<NaiveDateTime>),
        dsl::claimed_by.eq(None::<String>),
        dsl::dispatched_at.eq(Some(now)),
        dsl::st2_rule_matched.eq(rules),
        dsl::updated_at.eq(now),
    );
    let row = dsl::poundcake_alerts.find(record.alert_id);
    let changed = match &record.authority {
        Authority::Claim(token) => diesel::update(
            row.filter(dsl::dispatch_status.eq(DispatchStatus::Dispatching)).filter(dsl::claimed_by.eq(token)),
        )
        .set(dispatched)
        .execute(conn)?,
        Authority::Resolver { generation } => diesel::update(
            row.filter(dsl::dispatch_status.eq(DispatchStatus::AwaitingExecution))
                .filter(dsl::dispatch_generation.eq(*generation)),
        )
        .set(dispatched)
        .execute(conn)?,
    };
    if changed == 1
        && let Some(entry) = &record.log
    {
        let before: Option<String> = row.select(dsl::dispatch_log).first(conn)?;
        let log = dispatch_log::append(before.as_deref(), &entry.clone().at(now));
        diesel::update(row).set(dsl::dispatch_log.eq(Some(log))).execute(conn)?;
    }
    Ok(changed == 1)
}
