//! The webhook transaction: many webhooks, one COMMIT. 202 is answered after it, never before.
//!
//! Crash safety: before COMMIT nothing is stored and nothing was answered; after it the rows are `pending` with a due
//! time, so the relay publishes them. An unanswered COMMIT is [`DatabaseError::CommitUnknown`]: the sender is told 503 and
//! sends again, which the episode turns into a repeat.

use super::{
    alerts::{self, AlertColumns, NewAlert},
    api_calls::{self, NewApiCall},
    episodes,
};
use crate::{
    database::{DatabaseError, connection::AnyConnection, transaction},
    model::{
        episode::{EpisodePolicy, EpisodeState, Heard, OpenerRef},
        ids::{AlertId, ApiCallId, Fingerprint, RequestId},
        plan::{Arrival, Plan, Role, RowFate, fold},
        status::DispatchStatus,
    },
    store::dispatch::due::{self, Due, RELAY_AFTER},
};
use chrono::NaiveDateTime;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// One webhook on its way into the database.
#[derive(Debug, Clone)]
pub struct Intake {
    /// Its id; the same as in `call`.
    pub request_id: RequestId,
    /// Its row.
    pub call: NewApiCall,
    /// Its alerts in order; none for a webhook that is refused.
    pub arrivals: Vec<Arrived>,
}

/// An alert as it waits for its transaction: its columns, and what of it the episode decision reads.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Without labels and annotations.
    arrival: Arrival,
    columns: AlertColumns,
}

impl Arrived {
    /// For the decision: without labels and annotations.
    pub const fn arrival(&self) -> &Arrival {
        &self.arrival
    }
}

impl From<Arrival> for Arrived {
    fn from(mut arrival: Arrival) -> Self {
        let columns = AlertColumns::from(&arrival);
        if let Arrival::Alert(alert) | Arrival::Muted(alert) = &mut arrival {
            alert.labels = BTreeMap::new();
            alert.annotations = BTreeMap::new();
            alert.generator_url = None;
        }
        Self { arrival, columns }
    }
}

/// The result of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Per webhook, the fate of each of its alerts in order.
    pub fates: Vec<Vec<RowFate>>,
    /// What is to be published now.
    pub due: Vec<Due>,
    /// How often the transaction was retried.
    pub retries: u32,
}

/// Webhooks that are stored together.
pub struct Batch {
    intakes: Vec<Arc<Intake>>,
    /// Per arrival, the index of its webhook.
    owners: Vec<usize>,
    heard: BTreeMap<Fingerprint, Heard>,
}

impl Batch {
    /// The webhooks in arrival order. They are shared, so that a retry with fewer of them copies nothing.
    pub fn new(intakes: Vec<impl Into<Arc<Intake>>>) -> Self {
        let intakes: Vec<Arc<Intake>> = intakes.into_iter().map(Into::into).collect();
        let (mut owners, mut heard) = (Vec::new(), BTreeMap::<Fingerprint, Heard>::new());
        for (index, intake) in intakes.iter().enumerate() {
            owners.extend(std::iter::repeat_n(index, intake.arrivals.len()));
            for arrived in &intake.arrivals {
                if let Arrival::Alert(alert) = &arrived.arrival {
                    heard.entry(alert.fingerprint.clone()).or_default().hear(alert);
                }
            }
        }
        Self { intakes, owners, heard }
    }

    /// All alerts, in arrival order.
    fn arrived(&self) -> impl Iterator<Item = &Arrived> {
        self.intakes.iter().flat_map(|intake| &intake.arrivals)
    }

    /// Runs the transaction; retries it after deadlocks and duplicate keys.
    pub fn store(&self, conn: &mut AnyConnection, policy: &EpisodePolicy) -> Result<Stored, DatabaseError> {
        let (stored, retries) = transaction::write_counted(conn, |conn| self.attempt(conn, policy))?;
        Ok(Stored { retries, ..stored })
    }

    fn attempt(&self, conn: &mut AnyConnection, policy: &EpisodePolicy) -> Result<Stored, DatabaseError> {
        let now = transaction::now(conn)?;
        let states = episodes::load(conn, &self.heard)?;
        let plan = fold(self.arrived().map(Arrived::arrival), states.clone(), policy, now);
        let columns = self.arrived().map(|arrived| &arrived.columns).collect();
        let write = Write { batch: self, columns, plan: &plan, now, relay_at: now + RELAY_AFTER };
        write.update_openers(conn)?;
        let call_ids = api_calls::insert(conn, self.intakes.iter().map(|intake| &intake.call), now)?;
        let ids = write.insert_alerts(conn, &call_ids)?;
        self.recheck(conn, &plan, &states)?;
        write.stored(conn, &ids)
    }

    /// Where no episode was open, nothing was locked while we decided: another writer may have opened, dispatched and
    /// closed one in between. Our unique keys are taken now, so no other writer can any more; if the newest closed episode is
    /// not the one we decided by, retry.
    fn recheck(&self, conn: &mut AnyConnection, plan: &Plan, before: &States) -> Result<(), DatabaseError> {
        let opened: BTreeSet<&Fingerprint> = std::iter::zip(self.arrived(), &plan.rows)
            .filter_map(|(arrived, fate)| match &arrived.arrival {
                Arrival::Alert(alert) if fate.is_open() => Some(&alert.fingerprint),
                _ => None,
            })
            .filter(|fingerprint| before.get(fingerprint).is_none_or(|state| state.open.is_none()))
            .collect();
        if conn.is_single_writer() {
            return Ok(());
        }
        let opened: Vec<&Fingerprint> = opened.into_iter().collect();
        let after = episodes::newest_closed(conn, &opened)?;
        let changed = |fp: &&Fingerprint| after.get(*fp) != before.get(*fp).and_then(|state| state.closed.as_ref());
        if opened.iter().any(changed) { Err(DatabaseError::Raced) } else { Ok(()) }
    }
}

type States = HashMap<Fingerprint, EpisodeState>;

/// One attempt's writing: the plan, turned into statements in the order that does not deadlock.
struct Write<'a> {
    batch: &'a Batch,
    /// By arrival.
    columns: Vec<&'a AlertColumns>,
    plan: &'a Plan,
    now: NaiveDateTime,
    relay_at: NaiveDateTime,
}

impl Write<'_> {
    fn update_openers(&self, conn: &mut AnyConnection) -> Result<(), DatabaseError> {
        for (id, change) in &self.plan.openers {
            episodes::update(conn, *id, *change, self.now, self.relay_at)?;
        }
        let seen: Vec<AlertId> =
            self.plan.openers.iter().filter(|(_, change)| change.seen).map(|(id, _)| *id).collect();
        episodes::touch(conn, &seen, self.now)
    }

    /// Openers first, sorted by fingerprint; then the others, which may name an opener of this very batch.
    /// Returns the ids by arrival.
    fn insert_alerts(&self, conn: &mut AnyConnection, call_ids: &[ApiCallId]) -> Result<Vec<AlertId>, DatabaseError> {
        let (mut openers, others): (Vec<usize>, Vec<usize>) =
            (0..self.plan.rows.len()).partition(|index| self.plan.rows[*index].is_opener());
        openers.sort_by_key(|index| self.columns[*index].fingerprint());
        let mut ids = vec![AlertId(0); self.plan.rows.len()];
        for group in [openers, others] {
            let rows: Vec<NewAlert<'_>> = group.iter().map(|index| self.row(*index, call_ids, &ids)).collect();
            let inserted = alerts::insert(conn, &rows)?;
            for (index, id) in std::iter::zip(group, inserted) {
                ids[index] = id;
            }
        }
        Ok(ids)
    }

    fn row(&self, index: usize, call_ids: &[ApiCallId], ids: &[AlertId]) -> NewAlert<'_> {
        let fate = self.plan.rows[index];
        let opened_by = match fate.role {
            Role::Follower(OpenerRef::Row(id)) => Some(id),
            Role::Follower(OpenerRef::New(opener)) => Some(ids[opener]),
            Role::Opener { .. } | Role::Alone => None,
        };
        NewAlert {
            api_call_id: call_ids[self.batch.owners[index]],
            columns: self.columns[index],
            fate,
            opened_by,
            now: self.now,
            next_attempt_at: self.relay_at,
        }
    }

    fn stored(&self, conn: &mut AnyConnection, ids: &[AlertId]) -> Result<Stored, DatabaseError> {
        let mut stored = Stored { fates: vec![Vec::new(); self.batch.intakes.len()], ..Stored::default() };
        for (index, fate) in self.plan.rows.iter().enumerate() {
            let owner = self.batch.owners[index];
            stored.fates[owner].push(*fate);
            if fate.dispatch_status == DispatchStatus::Pending {
                stored.due.push(Due {
                    alert_id: ids[index],
                    request_id: self.batch.intakes[owner].request_id,
                    generation: 0,
                    pending_at: self.now,
                    next_attempt_at: self.relay_at,
                });
            }
        }
        let retried = self.plan.openers.iter().filter(|(_, change)| change.retry.is_some() && !change.skip);
        let retried: Vec<AlertId> = retried.map(|(id, _)| *id).collect();
        stored.due.extend(due::of_alerts(conn, &retried)?);
        Ok(stored)
    }
}
