//! `--watch`: shows the output again after each change.

use super::print;
use std::{
    io::{IsTerminal, stdout},
    time::Duration,
};

/// How often the database is asked.
const INTERVAL: Duration = Duration::from_secs(2);

/// What is to be shown.
pub(super) struct View {
    /// The text.
    pub(super) text: String,
    /// How many rows are in it.
    pub(super) rows: usize,
    /// Nothing in it will change by itself.
    pub(super) is_final: bool,
}

/// Shows it once, or with `watch` until it is final. A terminal is cleared before each; a pipe gets one text after the
/// other. Returns the rows of the last one.
pub(super) async fn show(watch: bool, look: impl AsyncFn() -> anyhow::Result<View>) -> anyhow::Result<usize> {
    let mut last: Option<String> = None;
    loop {
        let View { text, rows, is_final } = look().await?;
        if last.as_ref() != Some(&text) {
            let clear = if watch && stdout().is_terminal() { "\u{1b}[2J\u{1b}[H" } else { "" };
            print::text(format_args!("{clear}{text}"))?;
            last = Some(text);
        }
        if !watch || is_final {
            return Ok(rows);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
