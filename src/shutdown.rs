//! Shutdown: SIGTERM or SIGINT cancels one token that every loop watches.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGTERM or SIGINT; the second one ends the process at once.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let cancelled = token.clone();
    tokio::spawn(async move {
        for nth in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if nth > 0 {
                log::warn!(event = "stop_forced"; "second signal: exiting now");
                std::process::exit(130);
            }
            log::info!(event = "stopping"; "stopping: finishing or releasing what is in progress");
            cancelled.cancel();
        }
    });
    Ok(token)
}
