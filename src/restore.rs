//! After a database was restored from a backup: what happened since then is not in it, and StackStorm's executions are.
//!
//! In this order, each step safe to be repeated:
//! 1. No process of ours may be connected: it would send what the backup has as waiting (`connected`).
//! 2. Everything is paused, until a person resumes: no dispatcher that starts sends anything. The order is written down with it.
//! 3. Each row that is not final becomes `pending` and uncertain, above all generations that it may have reached
//!    (`store::restore::waiting`): it is looked up before it is sent.
//! 4. What StackStorm ran since is read from its executions (`dispatches`) and written (`store::restore::read_back`): the row is
//!    `dispatched` and linked, and its episode open, so that Alertmanager's next repeat is a repeat.
//! 5. Where the tracker's tables are in another database, which was not restored, what they are ahead of is made good
//!    (`tracker_tables`).
//! 6. What could not be read back is told.
//!
//! Crash safety: whatever is done stays, the pause holds, and running the same command again completes the work, with the same result. If
//! StackStorm does not answer, step 4 fails: the rows of step 3 wait, and the command is run again later.

mod connected;
mod dispatches;
mod report;
mod tracker_tables;

pub use connected::WATCHED;
pub use report::{Listed, Report};

use crate::{
    broker::amqp::BrokerUrl,
    clock::{comparable, rfc3339},
    database::{Database, DatabaseError},
    model::ids::{AlertId, ApiCallId},
    st2_tables::St2Tables,
    stackstorm::{Client, LookupError},
    store::{
        operate::{
            author::Author,
            orders::{self, NewOrder, Source},
            pauses::{self, BegunPaused},
        },
        restore::{
            self,
            read_back::{self, Outcome},
            waiting::{self, Restore},
        },
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use dispatches::Dispatch;
use serde_json::json;

/// StackStorm's clock may differ from the database's by so much.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::hours(1);

/// What is to be done.
#[derive(Debug)]
pub struct Order {
    /// When the backup began: what happened later may not be in it.
    pub backup_taken: DateTime<Utc>,
    /// Who, and why.
    pub author: Author,
    /// Look, and change nothing.
    pub dry_run: bool,
}

/// The neighbours.
pub struct Neighbours {
    /// The restored database, with a single connection.
    pub store: Database,
    /// StackStorm.
    pub client: Client,
    /// The tracker's tables, where they are in another database.
    pub tables: Option<St2Tables>,
    /// RabbitMQ; `None` for `standalone`, which has none.
    pub broker: Option<BrokerUrl>,
}

/// Why it was not done, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Something would send at the same time.
    #[error(
        "stop every process of PoundCake first, and everything else that is connected; nothing was changed. Connected: {}",
        .0.join("; ")
    )]
    Connected(Vec<String>),
    /// A time that has not come yet.
    #[error("--backup-taken {given} is in the future: the database's clock says {now}; nothing was changed")]
    Future {
        /// As given.
        given: String,
        /// The database's.
        now: String,
    },
    /// The executions cannot be read.
    #[error(
        "StackStorm's executions cannot be read, so it is not known what ran since the backup. Everything stays paused: run this command \
         again when StackStorm answers, and resume nothing before"
    )]
    StackStorm(#[from] LookupError),
    /// The database.
    #[error("the database is not available; run this command again, and resume nothing before")]
    Database(#[from] DatabaseError),
}

/// Does it. `progress` is told what takes time.
pub async fn run(to: &Neighbours, order: &Order, progress: &dyn Fn(&str)) -> Result<Report, RestoreError> {
    let stand = to.store.run(restore::stand).await?;
    let given = comparable(order.backup_taken);
    if given > stand.now {
        return Err(RestoreError::Future { given: rfc3339(given), now: rfc3339(stand.now) });
    }
    progress(&format!("watching for {} s whether a process writes to this database", WATCHED.as_secs()));
    connected::refuse(&to.store, to.broker.as_ref(), progress).await?;
    // A process wrote its own row every few seconds until the backup: a time long after the newest is too late.
    let backup = stand.newest_beat.map_or(given, |beat| beat.min(given));
    let mut report = Report::new(order, backup, &stand);
    if order.dry_run {
        report.waiting = to.store.run(waiting::count).await?;
        let found = find(to, &mut report, progress).await?;
        look(&to.store, found, &mut report).await?;
        return Ok(report);
    }
    let restore = Restore { given, backup, by: order.author.by.clone(), reason: order.author.reason.clone() };
    let BegunPaused { order: row, pause, .. } = begin(&to.store, order).await?;
    report.pause = Some(pause);
    let done = read_back(to, &restore, &mut report, progress).await;
    write_down(&to.store, row, &done, &report).await?;
    done?;
    log::info!(
        event = "restored", waiting = report.waiting, linked = report.linked.len(), made = report.made.len();
        "a restored database knows what StackStorm ran since its backup"
    );
    Ok(report)
}

/// Everything after the pause.
async fn read_back(
    to: &Neighbours,
    restore: &Restore,
    report: &mut Report,
    progress: &dyn Fn(&str),
) -> Result<(), RestoreError> {
    mark(&to.store, restore, report).await?;
    if let Some(tables) = &to.tables {
        let before = restore.backup;
        let newest_link = to.store.run(move |conn| restore::newest_link(conn, before)).await?;
        tracker_tables::rewind(tables, newest_link, progress).await;
    }
    let found = find(to, report, progress).await?;
    write(&to.store, found, restore, report).await?;
    if let Some(tables) = &to.tables {
        tracker_tables::copy_ends(tables, &to.store, progress).await?;
    }
    Ok(())
}

/// The order's result. Where even this cannot be written, the row says that the order was cut off.
async fn write_down(
    store: &Database,
    row: ApiCallId,
    done: &Result<(), RestoreError>,
    report: &Report,
) -> Result<(), DatabaseError> {
    let (status, result) = match done {
        Ok(()) => (200, serde_json::to_string(report).unwrap_or_else(|_| "{}".to_owned())),
        Err(error) => (503, json!({ "error": crate::logging::chain(error) }).to_string()),
    };
    let written = store.run(move |conn| orders::complete(conn, row, status, &result)).await;
    if done.is_err() { Ok(()) } else { written }
}

/// The order is written down and everything is paused, at once.
async fn begin(store: &Database, order: &Order) -> Result<BegunPaused, DatabaseError> {
    let (row, pause) = (new_order(order, "/restored"), new_order(order, pauses::PATH));
    let begun = store.run(move |conn| pauses::begin_paused(conn, &row, &pause)).await?;
    if begun.is_new {
        let pause = &begun.pause;
        log::info!(event = "paused", id = pause.id, by:? = pause.operator, reason:? = pause.reason; "paused after a restore");
    }
    Ok(begun)
}

fn new_order(order: &Order, path: &str) -> NewOrder {
    let body = json!({ "backup_taken": order.backup_taken, "everything": true, "reason": order.author.reason });
    NewOrder { source: Source::cli(), path: path.to_owned(), body: body.to_string(), operator: order.author.by.clone() }
}

async fn mark(store: &Database, restore: &Restore, report: &mut Report) -> Result<(), DatabaseError> {
    let mut after = Some(AlertId(0));
    while let Some(last) = after {
        let restore = restore.clone();
        let marked = store.run(move |conn| waiting::mark(conn, last, &restore)).await?;
        report.waiting += marked.waiting;
        after = marked.last;
    }
    Ok(())
}

/// Everything that StackStorm shows, in the order in which it ran.
async fn find(to: &Neighbours, report: &mut Report, progress: &dyn Fn(&str)) -> Result<Vec<Dispatch>, LookupError> {
    let since = report.backup_taken.and_utc() - CLOCKS_DIFFER;
    progress(&format!("reading StackStorm's executions since {}", rfc3339(since.naive_utc())));
    let started = to.client.started_since(since).await?;
    let waiting = to.client.unfinished_arrivals(since).await?;
    report.webhooks_waiting = waiting.iter().map(ToString::to_string).collect();
    report.executions = started.len();
    Ok(dispatches::group(started))
}

async fn look(store: &Database, found: Vec<Dispatch>, report: &mut Report) -> Result<(), DatabaseError> {
    for dispatch in found {
        let row = dispatch.dispatched.clone();
        let outcome = store.run(move |conn| read_back::look(conn, &row)).await?;
        report.take(&dispatch, outcome);
    }
    Ok(())
}

/// One transaction for each. Those whose row waits are raised above what StackStorm has seen.
async fn write(
    store: &Database,
    found: Vec<Dispatch>,
    restore: &Restore,
    report: &mut Report,
) -> Result<(), DatabaseError> {
    for dispatch in found {
        let restore = restore.clone();
        let row = dispatch.dispatched.clone();
        let outcome = store.run(move |conn| {
            let outcome = read_back::write(conn, &row)?;
            if let Outcome::Known(id) = outcome {
                waiting::raise(conn, id, row.seen, &restore)?;
            }
            Ok(outcome)
        });
        report.take(&dispatch, outcome.await?);
    }
    Ok(())
}
