//! Whether a process of ours is connected now. What the backup has of processes is old, so it is decided by what changes or
//! answers now: rows that processes write every few seconds, connections to the database, consumers of the queue.

use super::RestoreError;
use crate::{
    broker::amqp::{BrokerUrl, QueueState, inspect},
    database::Database,
    store::{processes, restore::connections},
};
use std::time::Duration;

/// A process writes its row every 5 s, and looks at it every second.
pub const WATCHED: Duration = Duration::from_secs(8);

/// `Err` names what is connected.
pub(super) async fn refuse(
    store: &Database,
    broker: Option<&BrokerUrl>,
    progress: &dyn Fn(&str),
) -> Result<(), RestoreError> {
    let before = store.run(processes::beats).await?;
    tokio::time::sleep(WATCHED).await;
    let after = store.run(processes::beats).await?;
    let mut found: Vec<String> = after
        .into_iter()
        .filter(|beat| !before.contains(beat))
        .map(|(_, path, _)| format!("{} writes to this database", path.trim_start_matches('/')))
        .collect();
    let others = store.run(connections::others).await?;
    found.extend(others.into_iter().map(|other| format!("a database connection of {other}")));
    if let Some(url) = broker {
        match consumers(url).await {
            Ok(0) => {}
            Ok(count) => found.push(format!("{count} consumers of the queue poundcake.dispatch at {}", url.label())),
            // A dispatcher that reaches the database writes its row there, whatever RabbitMQ does.
            Err(why) => progress(&format!("RabbitMQ cannot be asked for consumers, going on without: {why}")),
        }
    }
    if found.is_empty() { Ok(()) } else { Err(RestoreError::Connected(found)) }
}

async fn consumers(url: &BrokerUrl) -> Result<u32, String> {
    match inspect(url).await?.dispatch {
        QueueState::There { consumers, .. } => Ok(consumers),
        QueueState::Missing | QueueState::Forbidden(_) => Ok(0),
        QueueState::Unknown(why) => Err(why),
    }
}
