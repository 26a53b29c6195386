//! Reads the event stream. Reconnects without a limit.

use super::Signal;
use crate::{
    metrics::TrackerMetrics,
    retry::Reconnect,
    stackstorm::{Client, Event, EventStream, LookupError},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc::Sender;
use url::Url;

/// How long the first byte is waited for: it says that StackStorm has registered us, and comes at once.
const REGISTERED: Duration = Duration::from_secs(1);
/// A stream that lived for so long was a good one: the next one is tried at once.
const GOOD: Duration = Duration::from_secs(5);

/// The stream's reader.
pub(super) struct Listener {
    pub(super) client: Arc<Client>,
    pub(super) url: Url,
    pub(super) metrics: Arc<TrackerMetrics>,
}

impl Listener {
    /// Runs until it is dropped or the receiver of its signals is gone.
    pub(super) async fn run(self, signals: Sender<Signal>) {
        let mut pace = Reconnect::new();
        while !signals.is_closed() {
            let since = Instant::now();
            let Err(error) = self.listen(&signals).await else { return };
            self.metrics.stream.set(0);
            if since.elapsed() > GOOD {
                pace.succeeded();
            }
            let wait = pace.failed("cut");
            log::warn!(
                event = "stream_waiting", wait_ms = wait.as_millis();
                "waiting for StackStorm's event stream: {error}"
            );
            if signals.send(Signal::Cut).await.is_err() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Reads one stream to its end, which is always an error; `Ok` when the receiver of the signals is gone.
    async fn listen(&self, signals: &Sender<Signal>) -> Result<(), LookupError> {
        let mut stream = self.client.events(&self.url).await?;
        let first = tokio::time::timeout(REGISTERED, stream.next()).await;
        log::info!(event = "stream_connected"; "connected to StackStorm's event stream");
        self.metrics.stream.set(1);
        self.metrics.connects.inc();
        if signals.send(Signal::Connected).await.is_err() {
            return Ok(());
        }
        if let Ok(first) = first
            && !pass_on(first?, signals).await
        {
            return Ok(());
        }
        read(&mut stream, signals).await
    }
}

async fn read(stream: &mut EventStream, signals: &Sender<Signal>) -> Result<(), LookupError> {
    loop {
        if !pass_on(stream.next().await?, signals).await {
            return Ok(());
        }
    }
}

/// False when the receiver of the signals is gone.
async fn pass_on(event: Event, signals: &Sender<Signal>) -> bool {
    match event {
        Event::Alive => true,
        Event::Execution(execution) => signals.send(Signal::Streamed(execution)).await.is_ok(),
        Event::Unreadable(why) => {
            log::warn!(
                event = "stream_event_unreadable";
                "unreadable event in the stream of StackStorm; polling all executions instead: {why}"
            );
            signals.send(Signal::Missed).await.is_ok()
        }
    }
}
