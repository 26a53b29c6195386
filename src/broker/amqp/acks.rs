//! Sends as few acks as possible: one ack covers all finished messages up to the first unfinished one.
//!
//! RabbitMQ pays for each ack of a quorum queue with an entry in its log. Crash safety: with unsent acks the messages come
//! again, and their rows are not claimable.

use lapin::{
    Channel,
    options::{BasicAckOptions, BasicRejectOptions},
};
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// The acks of one channel.
#[derive(Debug)]
pub(in crate::broker) struct Acks {
    channel: Channel,
    state: Mutex<State>,
    /// Held while acks are sent: they must arrive in order, and what gathers meanwhile goes in one.
    sending: tokio::sync::Mutex<()>,
}

/// Delivery tags, which count from 1 on each channel.
#[derive(Debug)]
struct State {
    /// Up to this one every message is done.
    done_to: u64,
    /// Done, beyond that.
    done: BTreeSet<u64>,
    /// Done, and the broker has not been told.
    untold: BTreeSet<u64>,
    /// So many may wait for an earlier message that takes long; they count against the prefetch.
    waiting: usize,
}

/// What is to be sent.
#[derive(Debug, PartialEq, Eq)]
struct Due {
    /// This one and all before it.
    up_to: Option<u64>,
    /// Each alone.
    single: BTreeSet<u64>,
}

impl State {
    fn new(prefetch: u16) -> Self {
        Self { done_to: 0, done: BTreeSet::new(), untold: BTreeSet::new(), waiting: usize::from(prefetch / 4) }
    }

    /// A message is done; one that was rejected needs no ack.
    fn finish(&mut self, tag: u64, ack: bool) {
        if ack {
            self.untold.insert(tag);
        }
        self.done.insert(tag);
        while self.done.first() == Some(&(self.done_to + 1)) {
            self.done.pop_first();
            self.done_to += 1;
        }
    }

    /// The broker refuses an ack of a tag that it has been told of already, also with `multiple`: so the highest untold one.
    fn due(&mut self) -> Due {
        let later = self.untold.split_off(&(self.done_to + 1));
        let up_to = std::mem::take(&mut self.untold).last().copied();
        if later.len() > self.waiting {
            return Due { up_to, single: later };
        }
        self.untold = later;
        Due { up_to, single: BTreeSet::new() }
    }
}

impl Acks {
    /// Of a fresh channel.
    pub(in crate::broker) fn new(channel: Channel, prefetch: u16) -> Self {
        Self { channel, state: Mutex::new(State::new(prefetch)), sending: tokio::sync::Mutex::new(()) }
    }

    /// A message was rejected.
    pub(in crate::broker) fn rejected(&self, tag: u64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).finish(tag, false);
    }

    /// A message goes back to the queue. It counts as done only after the broker was told: an ack of a later one with `multiple`
    /// would take it off the queue.
    pub(in crate::broker) async fn give_back(&self, tag: u64) -> Result<(), lapin::Error> {
        let in_order = self.sending.lock().await;
        self.channel.basic_reject(tag, BasicRejectOptions { requeue: true }).await?;
        drop(in_order);
        self.rejected(tag);
        Ok(())
    }

    /// A message is done. An error means that its channel is gone: the broker delivers again what it was not told of.
    pub(in crate::broker) async fn ack(&self, tag: u64) -> Result<(), lapin::Error> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).finish(tag, true);
        // What was recorded together is done at the same time: as a rule the others get this far before this one goes on.
        tokio::task::yield_now().await;
        let _in_order = self.sending.lock().await;
        let due = self.state.lock().unwrap_or_else(PoisonError::into_inner).due();
        if let Some(tag) = due.up_to {
            self.channel.basic_ack(tag, BasicAckOptions { multiple: true }).await?;
        }
        for tag in due.single {
            self.channel.basic_ack(tag, BasicAckOptions { multiple: false }).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(state: &mut State, tags: &[u64]) -> Due {
        for tag in tags {
            state.finish(*tag, true);
        }
        state.due()
    }

    fn up_to(tag: u64) -> Due {
        Due { up_to: Some(tag), single: BTreeSet::new() }
    }

    #[test]
    fn messages_finished_in_order_share_one_ack() {
        let mut state = State::new(64);
        assert_eq!(finish(&mut state, &[2, 1, 3]), up_to(3));
        assert_eq!(state.due(), Due { up_to: None, single: BTreeSet::new() });
        assert_eq!(finish(&mut state, &[4]), up_to(4));
    }

    #[test]
    fn a_slow_message_blocks_a_quarter_of_the_prefetch_at_most() {
        let mut state = State::new(8);
        assert_eq!(finish(&mut state, &[2, 3]), Due { up_to: None, single: BTreeSet::new() });
        assert_eq!(finish(&mut state, &[4]), Due { up_to: None, single: BTreeSet::from([2, 3, 4]) });
        assert_eq!(finish(&mut state, &[1]), up_to(1), "2 to 4 are told already, and telling them again is an error");
        assert_eq!(finish(&mut state, &[5]), up_to(5));
        let mut lone = State::new(2);
        assert_eq!(finish(&mut lone, &[2]), Due { up_to: None, single: BTreeSet::from([2]) });
    }

    #[test]
    fn a_rejected_message_blocks_no_other_and_is_not_acked() {
        let mut state = State::new(64);
        state.finish(1, false);
        assert_eq!(finish(&mut state, &[2]), up_to(2));
        state.finish(4, false);
        assert_eq!(finish(&mut state, &[3]), up_to(3));
    }
}
