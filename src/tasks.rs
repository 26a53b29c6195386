//! The tasks that a process depends on: when one ends too early, the process ends.
//!
//! A process whose writer, relay or consumer is gone would stay ready and do nothing. So whatever runs to the end of the
//! process is started here. When one of them ends or panics too early that is logged and counted, everything else is stopped
//! as by SIGTERM, and the process exits with an error: systemd or Kubernetes restarts it, and the rows say what is to be
//! done. What works on one row at a time catches a panic itself, so that one row cannot stop the others.
//!
//! While a process starts, a task also ends because the start was given up: the command's own error is then the cause, and the
//! only one that is said.

use crate::metrics::Metrics;
use std::{
    any::Any,
    fmt::Display,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Starts essential tasks and knows whether one has failed. Clones are the same.
#[derive(Clone)]
pub struct Tasks {
    stop: CancellationToken,
    metrics: Metrics,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The start is over: from now on a task that ends is news.
    started: AtomicBool,
    failed: OnceLock<String>,
}

/// A task that a process cannot do without ended too early; the log says why.
#[derive(Debug, thiserror::Error)]
#[error("{0}; start this process again")]
pub struct TaskEnded(String);

impl Tasks {
    /// Tasks that may end once `stop` is cancelled, and that cancel it when one ends before.
    pub fn new(stop: CancellationToken, metrics: Metrics) -> Self {
        Self { stop, metrics, state: Arc::default() }
    }

    /// Says that everything has been started. A task that failed before is logged now.
    pub fn started(&self) {
        self.state.started.store(true, Ordering::Release);
        if let Some(failure) = self.state.failed.get() {
            log::error!(event = "task_failed"; "{failure}, so this process stops");
        }
    }

    /// Cancelled by a signal, or by a task that failed.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Starts a task. The handle ends with it, whatever its end was.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.spawn_fallible(name, async move {
            task.await;
            Ok::<_, std::convert::Infallible>(())
        })
    }

    /// The same for a task whose end can be an error, which is a failure at any time.
    pub fn spawn_fallible<E: Display + Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) -> JoinHandle<()> {
        let (tasks, task) = (self.clone(), tokio::spawn(task));
        tokio::spawn(async move {
            match task.await {
                Ok(Ok(())) => tasks.ended(name),
                Ok(Err(error)) => tasks.fail(name, &error.to_string()),
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => tasks.fail(name, &panic_message(&*panic)),
                    // The runtime goes.
                    Err(_) => tasks.ended(name),
                },
            }
        })
    }

    /// The same for a thread that runs already.
    pub fn watch_thread(&self, name: &'static str, thread: std::thread::JoinHandle<()>) -> JoinHandle<()> {
        let tasks = self.clone();
        tokio::spawn(async move {
            match tokio::task::spawn_blocking(move || thread.join()).await {
                Ok(Err(panic)) => tasks.fail(name, &panic_message(&*panic)),
                Ok(Ok(())) | Err(_) => tasks.ended(name),
            }
        })
    }

    /// For the end of a command: `Err` names the task that failed first.
    pub fn verdict(&self) -> Result<(), TaskEnded> {
        self.state.failed.get().map_or(Ok(()), |failure| Err(TaskEnded(failure.clone())))
    }

    fn ended(&self, name: &'static str) {
        if !self.stop.is_cancelled() {
            self.fail(name, "it ended by itself");
        }
    }

    fn fail(&self, name: &'static str, why: &str) {
        self.metrics.tasks_failed.with_label_values(&[name]).inc();
        // The first one is the reason; others may follow from it.
        drop(self.state.failed.set(format!("the {name} has failed: {why}")));
        let level = if self.state.started.load(Ordering::Acquire) { log::Level::Error } else { log::Level::Debug };
        log::log!(level, event = "task_failed", task = name; "the {name} has failed, so this process stops: {why}");
        self.stop.cancel();
    }
}

/// What `panic!` was given.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("no message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks() -> Tasks {
        Tasks::new(CancellationToken::new(), Metrics::new().unwrap())
    }

    fn failures(tasks: &Tasks, name: &str) -> u64 {
        tasks.metrics.tasks_failed.with_label_values(&[name]).get()
    }

    #[tokio::test]
    async fn a_task_that_panics_stops_the_others_and_is_named_with_its_message() {
        let tasks = tasks();
        let stop = tasks.stop().clone();
        let other = tasks.spawn("relay", async move { stop.cancelled().await });
        tasks.spawn("consumer", async { panic!("row {} is odd", 7) }).await.unwrap();
        other.await.unwrap();
        let error = tasks.verdict().unwrap_err().to_string();
        assert!(error.contains("consumer") && error.contains("row 7 is odd"), "{error}");
        assert_eq!((failures(&tasks, "consumer"), failures(&tasks, "relay")), (1, 0));
    }

    #[tokio::test]
    async fn a_task_that_ends_too_early_or_with_an_error_is_a_failure_and_one_that_was_stopped_is_none() {
        let early = tasks();
        early.spawn("relay", async {}).await.unwrap();
        assert!(early.verdict().is_err() && early.stop().is_cancelled());
        let failing = tasks();
        failing.spawn_fallible("HTTP server", async { Err("no socket") }).await.unwrap();
        assert!(failing.verdict().unwrap_err().to_string().contains("no socket"));
        let stopped = tasks();
        stopped.stop().cancel();
        stopped.spawn("relay", async {}).await.unwrap();
        assert!(stopped.verdict().is_ok());
    }

    #[tokio::test]
    async fn a_thread_that_panics_is_a_failure() {
        let tasks = tasks();
        tasks.watch_thread("writer", std::thread::spawn(|| panic!("out of ideas"))).await.unwrap();
        assert!(tasks.verdict().unwrap_err().to_string().contains("out of ideas"));
    }
}
