//! A queue that RabbitMQ has a record of and nothing behind it: every use of it is refused, and no restart helps.
//!
//! How it comes about: RabbitMQ keeps the names of its quorum queues' processes in a file that reaches the disk half a
//! second late. A node that dies within that time after the queue was deleted and declared anew finds the old name when it
//! starts, and nothing under it; before 3.10.13 and 3.11.5 the old name even survives another declare. A process that
//! crashed too often (a full disk) leaves the same: `queue.declare` answers, `basic.consume` is closed with 541 at
//! once, and publishes are refused. Messages are ids and the rows hold the truth, so the queue is deleted, and what
//! follows is the way of any missing queue: all `queued` rows are due, and it is declared anew.
//!
//! What must not be deleted: a queue whose majority is away for a while. There the member that is left answers late
//! (RabbitMQ waits 5 s and more for a leader) or not at all, which is not counted here (see [`unanswered`]); nor is a broker
//! that is away. Where every node that had the queue is down and another answers, that is at once: then the new queue
//! lives on the others.
//!
//! What if we die: the rows are due before anything is deleted, so nothing depends on who comes next or what he finds.
//! Two repairs at once could delete each other's new queue and leak its process, so one holds a lock: an exclusive queue,
//! which RabbitMQ itself removes with its connection.

use super::{
    link::{self, BrokerUrl},
    topology::{self, QUEUE},
};
use lapin::{
    Channel, Error,
    options::{BasicConsumeOptions, QueueDeclareOptions, QueueDeleteOptions},
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
    types::FieldTable,
};
use prometheus::{IntCounter, IntGauge};
use std::time::{Duration, Instant};

/// The exclusive queue that stands for the right to repair.
const LOCK: &str = "poundcake.repair";
/// A refusal that took longer may come from a queue that waits for its majority.
const AT_ONCE: Duration = Duration::from_secs(4);

/// What an operator reads while nobody answers for the queue, though RabbitMQ itself does. Deleting it is for a person to
/// decide: from here a majority that is away looks the same as a queue of one node that waits for its first election for
/// ever, because the node was killed right after the declare (ra leaves the first election to whoever declares, and a restart
/// does not call one).
pub(super) fn unanswered(vhost: &str) -> String {
    format!(
        "nobody in RabbitMQ answers for {QUEUE}: if none of its nodes is down, run rabbitmqctl delete_queue -p {vhost} {QUEUE}; \
         it is declared anew, and all that was in it is published again"
    )
}

/// When the queue counts as lost, and what is counted about it.
pub struct Repair {
    after: Duration,
    refused: IntGauge,
    repairs: IntCounter,
    since: Option<Instant>,
}

impl Repair {
    /// Nothing is wrong yet. `after`: how long it must be refused without a break; zero is never. `refused` and `repairs`:
    /// [`Metrics::queue_refused`](crate::metrics::Metrics) and `queue_repairs`.
    pub const fn new(after: Duration, refused: IntGauge, repairs: IntCounter) -> Self {
        Self { after, refused, repairs, since: None }
    }

    /// Notes how consuming began; anything but the one refusal begins the count anew.
    pub(super) fn note(&mut self, refused: bool) {
        self.refused.set(i64::from(refused));
        self.since = if refused { self.since.or_else(|| Some(Instant::now())) } else { None };
    }

    /// Whether it has been refused for long enough.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.after.is_zero() && self.since.is_some_and(|since| now.duration_since(since) >= self.after)
    }

    /// What an operator reads meanwhile.
    pub(super) fn outlook(&self) -> String {
        if self.after.is_zero() {
            return format!(
                "RabbitMQ has nothing behind {QUEUE}: delete the queue, it is declared anew (POUNDCAKE_QUEUE_REPAIR=0s)"
            );
        }
        format!(
            "RabbitMQ has nothing behind {QUEUE}; after {} s of this it is deleted and declared anew",
            self.after.as_secs()
        )
    }

    /// Deletes the queue if it is still refused and nobody else is at it. True when it did.
    pub(super) async fn run(&mut self, url: &BrokerUrl) -> Result<bool, String> {
        let lock = link::bounded(link::open(url, "repair")).await?;
        let deleted = link::bounded(under_lock(url, &lock)).await;
        if let Err(error) = lock.close(200, "repaired".into()).await {
            log::debug!(error:%; "closing the repair's connection failed");
        }
        let deleted = deleted?;
        if deleted {
            self.repairs.inc();
            self.since = None;
            let refused_s = self.after.as_secs();
            log::error!(
                broker = url.label(), refused_s;
                "RabbitMQ had nothing behind {QUEUE}: the queue was deleted, it is declared anew, and all queued rows are published again"
            );
        }
        Ok(deleted)
    }
}

/// Whether this answer to `basic.consume` says that nothing is behind the queue: 541 `INTERNAL_ERROR`, and at once.
pub(super) fn is_no_leader(error: &Error, took: Duration) -> bool {
    took < AT_ONCE && topology::replied(error, &AMQPErrorKind::Hard(AMQPHardError::INTERNALERROR))
}

/// True when it was deleted, false when there is nothing to do, or another process does it.
async fn under_lock(url: &BrokerUrl, lock: &lapin::Connection) -> Result<bool, Error> {
    let channel = lock.create_channel().await?;
    let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    match channel.queue_declare(LOCK.into(), exclusive, FieldTable::default()).await {
        Err(error) if topology::replied(&error, &AMQPErrorKind::Soft(AMQPSoftError::RESOURCELOCKED)) => {
            log::info!(broker = url.label(); "another dispatcher repairs {QUEUE}");
            return Ok(false);
        }
        declared => declared.map(drop)?,
    }
    if !is_refused(url).await? {
        return Ok(false);
    }
    delete(&channel).await?;
    // The new one takes the old name with it when it goes: without this, RabbitMQ 3.10.8 finds the old name again at its
    // next start, and the queue is lost once more.
    topology::declare_as_it_should_be(&channel, QUEUE).await?;
    delete(&channel).await?;
    Ok(true)
}

/// Looks again, on a connection of its own: the refusal closes it. Another process may have repaired it meanwhile.
async fn is_refused(url: &BrokerUrl) -> Result<bool, Error> {
    let connection = link::open(url, "repair").await?;
    let channel = connection.create_channel().await?;
    let begun = Instant::now();
    match channel.basic_consume(QUEUE.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default()).await {
        // What it was handed goes back with the connection.
        Ok(_) => connection.close(200, "healthy".into()).await.map(|()| false),
        Err(error) if is_no_leader(&error, begun.elapsed()) => Ok(true),
        Err(error) => Err(error),
    }
}

async fn delete(channel: &Channel) -> Result<(), Error> {
    channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repair(after: Duration) -> Repair {
        let gauge = IntGauge::new("refused", "refused").unwrap();
        Repair::new(after, gauge, IntCounter::new("repairs", "repairs").unwrap())
    }

    #[test]
    fn a_queue_is_lost_only_after_refusals_without_a_break() {
        let mut repair = repair(Duration::from_mins(1));
        let soon = || Instant::now() + Duration::from_secs(59);
        let late = || Instant::now() + Duration::from_secs(61);
        assert!(!repair.is_due(late()));
        repair.note(true);
        assert!(!repair.is_due(soon()) && repair.is_due(late()));
        repair.note(true);
        assert!(repair.is_due(late()));
        assert_eq!(repair.refused.get(), 1);
        repair.note(false);
        assert!(!repair.is_due(late()));
        assert_eq!(repair.refused.get(), 0);
    }

    #[test]
    fn zero_never_repairs_and_says_what_to_do() {
        let mut repair = repair(Duration::ZERO);
        repair.note(true);
        assert!(!repair.is_due(Instant::now() + Duration::from_hours(24)));
        assert!(repair.outlook().contains("delete the queue"));
    }
}
