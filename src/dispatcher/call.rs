//! One call to StackStorm, the same for both modes: counted, told to the circuit, and made again only while StackStorm
//! never saw it.

use super::attempt::Attempt;
use crate::{retry::WithinDelivery, stackstorm::Outcome};
use chrono::TimeDelta;
use std::time::Instant;

/// How long rows wait while StackStorm refuses the credentials: an operator has to act.
pub(super) const UNAUTHORIZED_WAIT: TimeDelta = TimeDelta::seconds(15);

/// One POST; made again only while it was not sent, and for a few seconds. `post` writes at most one request each time.
pub(super) async fn call<A, Fut>(attempt: &Attempt<'_>, mode: &str, post: impl Fn() -> Fut) -> Outcome<A>
where
    Fut: Future<Output = Outcome<A>>,
{
    let mut retries = WithinDelivery::new();
    loop {
        // The last look before anything is written.
        if let Some(message) = attempt.not_now() {
            return Outcome::TooLate { message };
        }
        let begun = Instant::now();
        let outcome = post().await;
        count(attempt, mode, &outcome, begun);
        let wait = match &outcome {
            Outcome::NotSent { .. } if !attempt.stop.is_cancelled() => retries.next_wait(),
            _ => None,
        };
        match wait.filter(|wait| Instant::now() + *wait < attempt.not_after) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return outcome,
        }
    }
}

/// Counts one call, and tells the circuit what the outcome says of StackStorm.
fn count<A>(attempt: &Attempt<'_>, mode: &str, outcome: &Outcome<A>, begun: Instant) {
    attempt.dispatch.circuit.told(outcome.signal());
    let metrics = &attempt.dispatch.metrics;
    metrics.triggers.with_label_values(&[mode, outcome.word()]).inc();
    metrics.trigger_seconds.observe(begun.elapsed().as_secs_f64());
}
