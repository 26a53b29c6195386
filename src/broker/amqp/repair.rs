//! Repairs a queue whose metadata exists but whose quorum process does not: RabbitMQ refuses every use of it, and a restart
//! does not help.
//!
//! Cause: RabbitMQ keeps the names of its quorum queues' processes in a file that reaches the disk half a second late. A node
//! that dies within that time after the queue was deleted and declared again starts with the old name and no process for it.
//! Before 3.10.13 and 3.11.5 the old name even survives another declare. A process that crashed too often (a full disk)
//! causes the same. Symptoms: `queue.declare` succeeds, `basic.consume` is closed with 541 at once, and publishes are refused.
//! Messages are only ids, and the rows hold the state. So the queue is deleted, and then handled like any missing queue: all
//! `queued` rows become due, and the queue is declared again.
//!
//! A queue whose majority is down for a while must not be deleted. Its remaining member answers late (RabbitMQ waits at least
//! 5 s for a leader) or not at all, and neither counts here (see [`unanswered`]). A broker that is down does not count either.
//! If every node that had the queue is down and another node answers, it answers at once: then the new queue lives on the
//! other nodes.
//!
//! Crash safety: the rows become due before anything is deleted, so any process can continue at any point. Two repairs at
//! once could delete each other's new queue and leak its process, so a repair holds a lock: an exclusive queue, which RabbitMQ
//! removes with its connection.

use super::{
    session,
    topology::{self, QUEUE},
    url::BrokerUrl,
};
use lapin::{
    Channel, Error,
    options::{BasicConsumeOptions, QueueDeclareOptions, QueueDeleteOptions},
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
    types::FieldTable,
};
use prometheus::{IntCounter, IntGauge};
use std::time::{Duration, Instant};

/// The exclusive queue that is the lock.
const LOCK: &str = "poundcake.repair";
/// A refusal that took longer may come from a queue that waits for its majority.
const AT_ONCE: Duration = Duration::from_secs(4);

/// The message while RabbitMQ answers but no process answers for the queue. A person must decide to delete it: from here, a
/// queue whose majority is down looks like a queue of one node that waits for its first election without an end. The second
/// happens when the node is killed right after the declare (only a declare starts the first election, a restart does not).
pub(super) fn unanswered(vhost: &str) -> String {
    format!(
        "RabbitMQ does not answer for {QUEUE}: if none of its nodes is down, run rabbitmqctl delete_queue -p {vhost} {QUEUE}; \
         PoundCake declares it again and republishes all queued rows"
    )
}

/// Decides when the queue counts as broken, and updates its metrics.
pub struct Repair {
    after: Duration,
    refused: IntGauge,
    repairs: IntCounter,
    since: Option<Instant>,
}

impl Repair {
    /// `after`: how long RabbitMQ must refuse the queue without a break; zero means never. `refused` and `repairs` are
    /// `queue_refused` and `queue_repairs` of [`Metrics`](crate::metrics::Metrics).
    pub const fn new(after: Duration, refused: IntGauge, repairs: IntCounter) -> Self {
        Self { after, refused, repairs, since: None }
    }

    /// Notes the result of a `basic.consume`. Anything except this refusal restarts the time.
    pub(super) fn note(&mut self, refused: bool) {
        self.refused.set(i64::from(refused));
        self.since = if refused { self.since.or_else(|| Some(Instant::now())) } else { None };
    }

    /// Whether the queue has been refused for long enough.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.after.is_zero() && self.since.is_some_and(|since| now.duration_since(since) >= self.after)
    }

    /// The message until then.
    pub(super) fn outlook(&self) -> String {
        if self.after.is_zero() {
            return format!(
                "RabbitMQ has no process for {QUEUE}: delete the queue, and PoundCake declares it again (POUNDCAKE_QUEUE_REPAIR=0s)"
            );
        }
        format!(
            "RabbitMQ has no process for {QUEUE}; after {} s PoundCake deletes the queue and declares it again",
            self.after.as_secs()
        )
    }

    /// Deletes the queue if it is still refused and no other process repairs it. True if it was deleted.
    pub(super) async fn run(&mut self, url: &BrokerUrl) -> Result<bool, String> {
        let lock = session::bounded(session::open(url, "repair")).await?;
        let deleted = session::bounded(under_lock(url, &lock)).await;
        if let Err(error) = lock.close(200, "repaired".into()).await {
            log::debug!(event = "broker_close_failed", error:%; "could not close the repair's connection to RabbitMQ");
        }
        let deleted = deleted?;
        if deleted {
            self.repairs.inc();
            self.since = None;
            let refused_s = self.after.as_secs();
            log::error!(
                event = "queue_repaired", broker = url.label(), refused_s;
                "deleted the broken queue {QUEUE} (541 INTERNAL_ERROR); redeclaring it and republishing all queued rows"
            );
        }
        Ok(deleted)
    }
}

/// Whether this answer to `basic.consume` means that the queue has no process: 541 `INTERNAL_ERROR`, at once.
pub(super) fn is_no_leader(error: &Error, took: Duration) -> bool {
    took < AT_ONCE && topology::replied(error, &AMQPErrorKind::Hard(AMQPHardError::INTERNALERROR))
}

/// True if it was deleted; false if it works again or another process repairs it.
async fn under_lock(url: &BrokerUrl, lock: &lapin::Connection) -> Result<bool, Error> {
    let channel = lock.create_channel().await?;
    let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    match channel.queue_declare(LOCK.into(), exclusive, FieldTable::default()).await {
        Err(error) if topology::replied(&error, &AMQPErrorKind::Soft(AMQPSoftError::RESOURCELOCKED)) => {
            log::info!(event = "queue_repair_locked", broker = url.label(); "another dispatcher is repairing {QUEUE}");
            return Ok(false);
        }
        declared => declared.map(drop)?,
    }
    if !is_refused(url).await? {
        return Ok(false);
    }
    delete(&channel).await?;
    // Deleting a new queue also removes the old name. Without this, RabbitMQ 3.10.8 finds the old name at its next start, and
    // the queue is broken again.
    topology::declare_as_it_should_be(&channel, QUEUE).await?;
    delete(&channel).await?;
    Ok(true)
}

/// Tries again on a separate connection, because the refusal closes it. Another process may have repaired the queue.
async fn is_refused(url: &BrokerUrl) -> Result<bool, Error> {
    let connection = session::open(url, "repair").await?;
    let channel = connection.create_channel().await?;
    let begun = Instant::now();
    match channel.basic_consume(QUEUE.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default()).await {
        // RabbitMQ requeues what it delivered when the connection closes.
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
