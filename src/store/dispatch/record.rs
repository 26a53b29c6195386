//! Writing down that StackStorm runs an alert: the row's end and its links, in one transaction, many at once.
//!
//! Crash safety: before it the row is uncertain and its lease ends, so the execution is found by its trace tag and
//! adopted. Right after: the delivery comes again and is not claimable. If COMMIT is not answered, recording again
//! changes nothing.

use super::{
    dispatch_log::{self, Entry},
    links::{self, Link, LinkStart, NewLink},
};
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        prepared::{Clock, among, update},
        schema::poundcake_alerts::{self, dsl},
        transaction,
    },
    model::{
        ids::{AlertId, RequestId},
        status::{DispatchReason, DispatchStatus},
        truncate::column,
    },
    store::ingest::alerts::status,
};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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
    /// What the links copy.
    pub start: LinkStart,
    /// For `dispatch_log`.
    pub log: Option<Entry>,
}

/// The result of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The row is `dispatched`.
    Dispatched,
    /// The row was final already with these very executions: an unanswered COMMIT, or another process adopted them.
    Known,
    /// The alert has another execution besides; the links are written all the same, for the executions exist.
    Surplus,
}

/// Records all, and answers in the order given.
///
/// The first try takes the usual ones, claims with nothing to remember, together: one UPDATE for each claim, and links that
/// that were not looked for before. Where a row is not held any more or a link is there already, the transaction is retried; every
/// further try takes each row alone, in the order of the ids.
pub fn record(conn: &mut AnyConnection, records: &[Record]) -> Result<Vec<Recorded>, DatabaseError> {
    let mut first = true;
    transaction::write(conn, |conn| {
        let together = std::mem::replace(&mut first, false);
        let (usual, mut alone): (Vec<usize>, Vec<usize>) =
            (0..records.len()).partition(|index| together && records[*index].is_usual());
        alone.sort_by_key(|index| records[*index].alert_id);
        let those = |indexes: &[usize]| indexes.iter().map(|index| &records[*index]).collect::<Vec<_>>();
        claims_dispatched(conn, &those(&usual))?;
        let mut recorded = vec![Recorded::Dispatched; records.len()];
        for index in &alone {
            if !dispatched(conn, &records[*index])? {
                recorded[*index] = Recorded::Known;
            }
        }
        links::insert(conn, &new_links(&those(&usual)))?;
        let surplus = links::insert_missing(conn, &new_links(&those(&alone)))?;
        for (record, recorded) in std::iter::zip(records, &mut recorded) {
            if *recorded == Recorded::Known && surplus.contains(&record.alert_id) {
                *recorded = Recorded::Surplus;
            }
        }
        Ok(recorded)
    })
}

impl Record {
    /// Nothing of it is kept in the alert's row but that it was dispatched.
    fn is_usual(&self) -> bool {
        matches!(self.authority, Authority::Claim(_))
            && self.log.is_none()
            && self.links.iter().all(|link| link.rule_ref.is_none())
    }
}

/// Settles the rows of these claims, if every one of them is still held.
fn claims_dispatched(conn: &mut AnyConnection, usual: &[&Record]) -> Result<(), DatabaseError> {
    let now = transaction::clock(conn);
    let mut claims: BTreeMap<&str, BTreeSet<AlertId>> = BTreeMap::new();
    for record in usual {
        if let Authority::Claim(token) = &record.authority {
            claims.entry(token).or_default().insert(record.alert_id);
        }
    }
    for (token, ids) in claims {
        let rows = ids.len();
        let ours = dsl::claimed_by.eq(token).assume_not_null();
        let held = among(ids).and(status().eq(DispatchStatus::Dispatching)).and(ours);
        // Which of them is not ours is not known; nothing is committed yet.
        if update(held, end(None, now)).execute(conn)? != rows {
            return Err(DatabaseError::Raced);
        }
    }
    Ok(())
}

fn new_links(records: &[&Record]) -> Vec<NewLink> {
    let of = |record: &&Record| {
        let (request_id, alert_id) = (record.request_id, record.alert_id);
        let new = |link: &Link| NewLink { request_id, alert_id, link: link.clone(), start: record.start.clone() };
        record.links.iter().map(new).collect::<Vec<_>>()
    };
    records.iter().flat_map(of).collect()
}

/// The end of a dispatch, as columns.
#[derive(AsChangeset)]
#[diesel(table_name = poundcake_alerts, treat_none_as_null = true)]
struct End {
    dispatch_status: DispatchStatus,
    dispatch_reason: Option<DispatchReason>,
    dispatch_uncertain: bool,
    settling_since: Option<NaiveDateTime>,
    next_attempt_at: Option<NaiveDateTime>,
    claimed_by: Option<String>,
    st2_rule_matched: Option<String>,
}

/// What is written, and when.
type Change = (End, diesel::dsl::Eq<dsl::dispatched_at, Clock>, diesel::dsl::Eq<dsl::updated_at, Clock>);

fn end(rules: Option<String>, now: Clock) -> Change {
    let end = End {
        dispatch_status: DispatchStatus::Dispatched,
        dispatch_reason: None,
        dispatch_uncertain: false,
        settling_since: None,
        next_attempt_at: None,
        claimed_by: None,
        st2_rule_matched: rules,
    };
    (end, dsl::dispatched_at.eq(now), dsl::updated_at.eq(now))
}

fn dispatched(conn: &mut AnyConnection, record: &Record) -> Result<bool, DatabaseError> {
    let rules: Vec<&str> = record.links.iter().filter_map(|link| link.rule_ref.as_deref()).collect();
    let rules = (!rules.is_empty()).then(|| column(&rules.join(","), 255).into_owned());
    let end = end(rules, transaction::clock(conn));
    let row = dsl::poundcake_alerts.find(record.alert_id);
    let changed = match &record.authority {
        Authority::Claim(token) => diesel::update(
            row.filter(dsl::dispatch_status.eq(DispatchStatus::Dispatching)).filter(dsl::claimed_by.eq(token)),
        )
        .set(end)
        .execute(conn)?,
        Authority::Resolver { generation } => diesel::update(
            row.filter(dsl::dispatch_status.eq(DispatchStatus::AwaitingExecution))
                .filter(dsl::dispatch_generation.eq(*generation)),
        )
        .set(end)
        .execute(conn)?,
    };
    if changed == 1
        && let Some(entry) = &record.log
    {
        let before: Option<String> = row.select(dsl::dispatch_log).first(conn)?;
        let log = dispatch_log::append(before.as_deref(), &entry.clone().at(transaction::now(conn)?));
        diesel::update(row).set(dsl::dispatch_log.eq(Some(log))).execute(conn)?;
    }
    Ok(changed == 1)
}
