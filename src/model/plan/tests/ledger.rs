//! A table in memory that applies plans as the store does.

use crate::model::{episode::Heard, plan::*, status::AlertStatus};
use std::time::Duration;

/// A row as the store keeps it; its id is its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) starts_at: Option<NaiveDateTime>,
    pub(crate) created_at: NaiveDateTime,
    pub(crate) dispatch_status: DispatchStatus,
    pub(crate) dispatch_reason: Option<DispatchReason>,
    pub(crate) uncertain: bool,
    pub(crate) pending_at: Option<NaiveDateTime>,
    pub(crate) generation: i32,
    pub(crate) open: bool,
    pub(crate) closed: bool,
    pub(crate) opened_by: Option<usize>,
    pub(crate) last_seen_at: Option<NaiveDateTime>,
    pub(crate) closed_at: Option<NaiveDateTime>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) rows: Vec<Row>,
    /// Seconds.
    pub(crate) now: i64,
    /// Of the policy.
    pub(crate) several_sources: bool,
}

pub(crate) fn at(second: i64) -> NaiveDateTime {
    chrono::DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap().naive_utc()
}

pub(crate) fn alert(who: u8, status: AlertStatus, start: Option<i64>, end: Option<i64>) -> IncomingAlert {
    let labels = BTreeMap::from([("alertname".to_owned(), format!("A{who}"))]);
    IncomingAlert {
        fingerprint: Fingerprint::of_labels(&labels),
        status,
        labels,
        annotations: BTreeMap::new(),
        starts_at: start.map(at),
        ends_at: end.map(at),
        generator_url: None,
    }
}

pub(crate) fn alert_of(arrival: &Arrival) -> Option<&IncomingAlert> {
    match arrival {
        Arrival::Alert(alert) | Arrival::Muted(alert) => Some(alert),
        Arrival::Invalid(_) => None,
    }
}

impl Ledger {
    pub(crate) fn of<'a>(&'a self, fingerprint: &'a Fingerprint) -> impl Iterator<Item = (usize, &'a Row)> {
        self.rows.iter().enumerate().filter(move |(_, row)| row.fingerprint.as_ref() == Some(fingerprint))
    }

    fn state(&self, fingerprint: &Fingerprint) -> EpisodeState {
        let opener = |id: usize, row: &Row| Opener {
            id: OpenerRef::Row(AlertId(i64::try_from(id).unwrap())),
            starts_at: row.starts_at,
            created_at: row.created_at,
            dispatch_status: row.dispatch_status,
            dispatch_reason: row.dispatch_reason,
            uncertain: row.uncertain,
            pending_at: row.pending_at,
            started_at: None,
            generation: row.generation,
            last_seen_at: row.last_seen_at.unwrap_or(row.created_at),
        };
        let closed = self.of(fingerprint).filter_map(|(id, row)| Some(Closed::now(&opener(id, row), row.closed_at?)));
        let open = self.of(fingerprint).find(|(_, row)| row.open);
        EpisodeState {
            closed: closed.reduce(Closed::decisive),
            heard_before: self.of(fingerprint).any(|(id, _)| open.is_none_or(|(opened, _)| id < opened)),
            open: open.map(|(id, row)| opener(id, row)),
        }
    }

    /// Plans with all that is known, and proves that the past matters only where it is asked for.
    pub(crate) fn plan(&self, arrivals: &[Arrival], cooldown: Duration) -> Plan {
        let mut heard: BTreeMap<Fingerprint, Heard> = BTreeMap::new();
        for alert in arrivals.iter().filter_map(alert_of) {
            heard.entry(alert.fingerprint.clone()).or_default().hear(alert);
        }
        let policy = EpisodePolicy { refire_cooldown: cooldown, several_sources: self.several_sources };
        let plan = |states| fold(arrivals, states, &policy, at(self.now));
        let whole = plan(heard.keys().map(|one| (one.clone(), self.state(one))).collect());
        let asked_for = |(one, heard): (&Fingerprint, &Heard)| {
            let EpisodeState { open, closed, heard_before } = self.state(one);
            let closed = closed.filter(|_| heard.asks_for_closed(open.as_ref()));
            let heard_before = heard_before && heard.asks_for_heard_before(open.as_ref());
            (one.clone(), EpisodeState { open, closed, heard_before })
        };
        assert_eq!(plan(heard.iter().map(asked_for).collect()), whole);
        whole
    }

    /// Plans and applies one batch.
    pub(crate) fn write(&mut self, arrivals: &[Arrival], cooldown: Duration) -> Plan {
        let plan = self.plan(arrivals, cooldown);
        let now = at(self.now);
        for (id, update) in &plan.openers {
            update_row(&mut self.rows[usize::try_from(id.0).unwrap()], update, now);
        }
        let first = self.rows.len();
        for (arrival, fate) in arrivals.iter().zip(&plan.rows) {
            self.rows.push(new_row(arrival, fate, first, now));
        }
        plan
    }
}

fn update_row(row: &mut Row, update: &OpenerUpdate, now: NaiveDateTime) {
    if update.seen {
        row.last_seen_at = Some(now);
    }
    if let Some(generation) = update.retry {
        row.dispatch_status = DispatchStatus::Pending;
        row.dispatch_reason = None;
        row.generation = generation;
        row.pending_at = Some(now);
    }
    if update.skip {
        row.dispatch_status = DispatchStatus::Skipped;
        row.dispatch_reason = Some(DispatchReason::ResolvedBeforeDispatch);
    }
    if update.close {
        row.open = false;
        row.closed = true;
        row.closed_at = Some(now);
    }
}

fn new_row(arrival: &Arrival, fate: &RowFate, first: usize, now: NaiveDateTime) -> Row {
    let alert = alert_of(arrival);
    Row {
        fingerprint: alert.map(|alert| alert.fingerprint.clone()),
        starts_at: alert.and_then(|alert| alert.starts_at),
        created_at: now,
        dispatch_status: fate.dispatch_status,
        dispatch_reason: fate.dispatch_reason,
        uncertain: false,
        pending_at: fate.was_pending.then_some(now),
        generation: 0,
        open: fate.is_open(),
        closed: fate.role == Role::Opener { closed: true },
        opened_by: match fate.role {
            Role::Follower(OpenerRef::Row(AlertId(id))) => Some(usize::try_from(id).unwrap()),
            Role::Follower(OpenerRef::New(index)) => Some(first + index),
            Role::Opener { .. } | Role::Alone => None,
        },
        last_seen_at: matches!(fate.role, Role::Opener { .. }).then_some(now),
        closed_at: (fate.role == Role::Opener { closed: true }).then_some(now),
    }
}
