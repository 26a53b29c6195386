//! Group commit: the requests that wait go to the database in one transaction, and each caller gets its own answer.
//!
//! No request waits for a batch to fill: a lone request goes at once, and under load batches form by themselves. The queue
//! is bounded. Who writes the batches decides how large they are.

use tokio::sync::{mpsc, oneshot};

/// Starts a queue for at most `waiting` requests.
pub fn queue<Q, A>(waiting: usize) -> (Requests<Q, A>, Batches<Q, A>) {
    let (sender, receiver) = mpsc::channel(waiting.max(1));
    (Requests(sender), Batches { receiver, held_over: None })
}

/// A request with the place where its caller waits for the answer.
type Waiting<Q, A> = (Q, oneshot::Sender<A>);

/// Where callers put their requests.
pub struct Requests<Q, A>(mpsc::Sender<Waiting<Q, A>>);

impl<Q, A> Clone for Requests<Q, A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Why a request was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotQueued {
    /// Too many requests wait.
    Full,
    /// The writer has ended.
    Ended,
}

impl<Q, A> Requests<Q, A> {
    /// Waits for room in the queue, then for the answer. `None` when the writer has ended, or dropped the batch.
    pub async fn ask(&self, request: Q) -> Option<A> {
        let (answer, answered) = oneshot::channel();
        self.0.send((request, answer)).await.ok()?;
        answered.await.ok()
    }

    /// Queues the request if there is room.
    pub fn try_queue(&self, request: Q) -> Result<oneshot::Receiver<A>, NotQueued> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send((request, answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotQueued::Full,
            mpsc::error::TrySendError::Closed(_) => NotQueued::Ended,
        })?;
        Ok(answered)
    }
}

/// Where the writer takes batches.
pub struct Batches<Q, A> {
    receiver: mpsc::Receiver<Waiting<Q, A>>,
    /// What did not fit into the last batch.
    held_over: Option<Waiting<Q, A>>,
}

impl<Q, A> Batches<Q, A> {
    /// Waits for the first request, then takes what waits as long as it `fits`, which is asked about each request in order.
    /// The first one goes in any case. `None` when the last [`Requests`] is dropped.
    pub async fn next(&mut self, fits: impl FnMut(&Q) -> bool) -> Option<(Vec<Q>, Answers<A>)> {
        let first = match self.held_over.take() {
            Some(first) => first,
            None => self.receiver.recv().await?,
        };
        Some(self.fill(first, fits))
    }

    /// The same for a thread.
    pub fn blocking_next(&mut self, fits: impl FnMut(&Q) -> bool) -> Option<(Vec<Q>, Answers<A>)> {
        let first = self.held_over.take().or_else(|| self.receiver.blocking_recv())?;
        Some(self.fill(first, fits))
    }

    fn fill(&mut self, first: Waiting<Q, A>, mut fits: impl FnMut(&Q) -> bool) -> (Vec<Q>, Answers<A>) {
        fits(&first.0);
        let (mut requests, mut answers) = (vec![first.0], vec![first.1]);
        while let Ok(next) = self.receiver.try_recv() {
            if !fits(&next.0) {
                self.held_over = Some(next);
                break;
            }
            requests.push(next.0);
            answers.push(next.1);
        }
        (requests, Answers(answers))
    }
}

/// The callers of a batch, in the order of its requests.
pub struct Answers<A>(Vec<oneshot::Sender<A>>);

impl<A> Answers<A> {
    /// Answers each caller; one that has given up gets nothing.
    pub fn send(self, answers: impl IntoIterator<Item = A>) {
        for (caller, answer) in std::iter::zip(self.0, answers) {
            drop(caller.send(answer));
        }
    }

    /// Splits the callers like `Vec::split_off`.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        Self(self.0.split_off(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_batch_takes_what_fits_keeps_the_rest_for_the_next_and_answers_each_caller() {
        let (requests, mut batches) = queue::<u32, u32>(8);
        let callers = [7, 1, 2, 3].map(|request| requests.try_queue(request).expect("there is room"));
        let mut sizes = Vec::new();
        while sizes.iter().sum::<usize>() < callers.len() {
            let mut sum = 0;
            let fits = |request: &u32| {
                sum += request;
                sum <= 4
            };
            let (batch, answers) = batches.next(fits).await.expect("requests wait");
            sizes.push(batch.len());
            answers.send(batch.iter().map(|request| request * 10));
        }
        assert_eq!(sizes, [1, 2, 1], "the first goes however large it is");
        for (caller, answer) in std::iter::zip(callers, [70, 10, 20, 30]) {
            assert_eq!(caller.await, Ok(answer));
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_dropped_batch_answers_no_sender() {
        let (requests, mut batches) = queue::<u32, u32>(1);
        let waiting = requests.try_queue(1).expect("there is room");
        assert_eq!(requests.try_queue(2).err(), Some(NotQueued::Full));
        drop(batches.next(|_| true).await);
        assert!(waiting.await.is_err());
        drop(batches);
        assert_eq!(requests.try_queue(3).err(), Some(NotQueued::Ended));
        assert_eq!(requests.ask(4).await, None);
    }
}
