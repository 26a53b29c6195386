//! Waiting for a condition, and saying what was seen when it does not come.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

/// Polls `look` until it gives `Ok`, whose value is returned. After `deadline` the test fails with `what` and the last `Err`.
pub async fn eventually<T, E: Debug>(what: &str, deadline: Duration, mut look: impl AsyncFnMut() -> Result<T, E>) -> T {
    let start = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        let left = deadline.saturating_sub(start.elapsed());
        // One look may hang (a frozen neighbour); it may not outlive the deadline by more than this second.
        let seen = match tokio::time::timeout(left + Duration::from_secs(1), look()).await {
            Ok(Ok(value)) => return value,
            Ok(Err(seen)) => format!("{seen:?}"),
            Err(_) => "no answer".to_owned(),
        };
        assert!(start.elapsed() < deadline, "not within {deadline:?}: {what}; last seen: {seen}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
