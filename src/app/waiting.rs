//! Waits for the database: servers without a limit, commands for a while.

use crate::{
    database::{Database, DatabaseError},
    retry::Reconnect,
    store::write_check,
};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long a command waits that a person watches.
pub(crate) const WATCHED: Duration = Duration::from_secs(15);

/// Waits until the database answers, saying so: for processes that run by themselves.
pub(crate) async fn wait_for_database(store: &Database, stop: &CancellationToken) -> anyhow::Result<()> {
    answered(store, stop, || store.ping()).await
}

/// The same for a command, which ends with the error when `patience` is over, or when waiting cannot help.
pub(crate) async fn reach_database(store: &Database, patience: Duration) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut pace = Reconnect::new();
    loop {
        let Err(error) = store.ping().await else { return Ok(()) };
        let text = crate::logging::chain(&error);
        let wait = pace.failed(&text);
        if is_final(&error) || matches!(error, DatabaseError::Refused { .. }) || started.elapsed() + wait > patience {
            return Err(error.into());
        }
        warn_waiting(store, &text, wait);
        tokio::time::sleep(wait).await;
    }
}

/// Asks the database until it answers. It may go away between any two questions of a start; only an answer that we cannot
/// work with ends the process.
pub(crate) async fn answered<T, Fut>(
    store: &Database,
    stop: &CancellationToken,
    ask: impl Fn() -> Fut,
) -> anyhow::Result<T>
where
    Fut: Future<Output = Result<T, DatabaseError>>,
{
    let mut pace = Reconnect::new();
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if is_final(&error) => return Err(error.into()),
            Err(error) => error,
        };
        let text = crate::logging::chain(&error);
        let (news, wait) = (pace.is_news(&text), pace.failed(&text));
        match &error {
            DatabaseError::Refused { .. } if store.announces() || !news => {
                log::debug!(
                    event = "database_refused", wait_ms = wait.as_millis();
                    "the database still refuses the connection"
                );
            }
            DatabaseError::Refused { .. } => log::error!(event = "database_refused"; "{text}. PoundCake keeps trying"),
            _ => warn_waiting(store, &text, wait),
        }
        tokio::select! {
            () = stop.cancelled() => anyhow::bail!("stopped while waiting for the database {}", store.label()),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Whether the database has answered, and we cannot work with it.
fn is_final(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Schema(_) | DatabaseError::Migration(_) | DatabaseError::Unfit(_))
}

fn warn_waiting(store: &Database, text: &str, wait: Duration) {
    log::warn!(
        event = "database_waiting", database = store.label(), wait_ms = wait.as_millis();
        "waiting for the database: {text}"
    );
}

/// Tries what our writes rely on. A database that cannot be written now may be written later, and readiness says so.
pub(crate) async fn check_writes(store: &Database) -> anyhow::Result<()> {
    match store.run(write_check::check).await {
        Ok(()) => Ok(()),
        Err(error @ DatabaseError::Unfit(_)) => Err(error.into()),
        Err(error) => {
            let text = crate::logging::chain(&error);
            log::warn!(
                event = "write_check_failed", database = store.label();
                "could not check at the start whether the database accepts writes: {text}"
            );
            Ok(())
        }
    }
}
