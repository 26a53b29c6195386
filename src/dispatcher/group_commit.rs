//! Many small requests, few transactions: whatever waits goes to the database together, and each asker gets its part.

use crate::{database::StoreError, tasks::Tasks};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Requests per transaction at most.
const BATCH: usize = 128;

type Asked<Q, A> = (Q, oneshot::Sender<Result<A, Arc<StoreError>>>);

/// The front of one batching task. Nothing lingers: a lone request goes at once.
pub(super) struct Batched<Q, A> {
    sender: mpsc::Sender<Asked<Q, A>>,
}

impl<Q: Send + 'static, A: Send + 'static> Batched<Q, A> {
    /// Starts the task; it ends with its last front. `write` answers in the order of the requests.
    pub(super) fn start<F, Fut>(name: &'static str, tasks: &Tasks, write: F) -> Self
    where
        F: Fn(Vec<Q>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Vec<A>, StoreError>> + Send,
    {
        let (sender, mut receiver) = mpsc::channel::<Asked<Q, A>>(BATCH);
        let task = async move {
            let mut asked = Vec::new();
            while receiver.recv_many(&mut asked, BATCH).await > 0 {
                let (requests, answers): (Vec<Q>, Vec<_>) = asked.drain(..).unzip();
                match write(requests).await {
                    Ok(results) => {
                        for (answer, result) in std::iter::zip(answers, results) {
                            drop(answer.send(Ok(result)));
                        }
                    }
                    Err(error) => {
                        let error = Arc::new(error);
                        for answer in answers {
                            drop(answer.send(Err(Arc::clone(&error))));
                        }
                    }
                }
            }
        };
        drop(tasks.spawn(name, task));
        Self { sender }
    }

    /// Asks and waits.
    pub(super) async fn ask(&self, request: Q) -> Result<A, Arc<StoreError>> {
        let (answer, answered) = oneshot::channel();
        if self.sender.send((request, answer)).await.is_err() {
            return Err(Arc::new(StoreError::CutOff));
        }
        answered.await.unwrap_or_else(|_| Err(Arc::new(StoreError::CutOff)))
    }
}
