//! Claims and records of many deliveries in few transactions.

use crate::{
    database::DatabaseError,
    group_commit::{Requests, queue},
    tasks::Tasks,
};
use std::{iter, sync::Arc};

/// Requests per transaction at most.
const BATCH: usize = 128;

/// The front of one batching task.
pub(super) struct Batched<Q, A>(Requests<Q, Result<A, Arc<DatabaseError>>>);

impl<Q: Send + 'static, A: Send + 'static> Batched<Q, A> {
    /// Starts the task; it ends with its front. `write` answers in the order of the requests.
    pub(super) fn start<F, Fut>(name: &'static str, tasks: &Tasks, write: F) -> Self
    where
        F: Fn(Vec<Q>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Vec<A>, DatabaseError>> + Send,
    {
        let (front, mut batches) = queue(BATCH);
        let task = async move {
            while let Some((requests, answers)) = batches.next(at_most(BATCH)).await {
                match write(requests).await {
                    Ok(results) => answers.send(results.into_iter().map(Ok)),
                    Err(error) => {
                        let error = Arc::new(error);
                        answers.send(iter::repeat_with(|| Err(Arc::clone(&error))));
                    }
                }
            }
        };
        drop(tasks.spawn(name, task));
        Self(front)
    }

    /// Asks and waits.
    pub(super) async fn ask(&self, request: Q) -> Result<A, Arc<DatabaseError>> {
        self.0.ask(request).await.unwrap_or_else(|| Err(Arc::new(DatabaseError::CutOff)))
    }
}

fn at_most<Q>(limit: usize) -> impl FnMut(&Q) -> bool {
    let mut count = 0;
    move |_| {
        count += 1;
        count <= limit
    }
}
