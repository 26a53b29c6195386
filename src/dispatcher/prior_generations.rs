//! A replayed row whose older generation may have run: looked up before anything is posted.
//!
//! A rule mode row that was not heard of by its deadline is `failed/uncertain`. Its replay leaves it uncertain, in a
//! generation that has not been posted (`attempted_at` is NULL: only a claim of a certain row sets it). So such a row is
//! looked up under the trace tags of all older generations, for what a POST of ours ran and for what rules made of one:
//! - an execution that is not linked yet: the row is `dispatched` with its links, and nothing is posted;
//! - an arrival that StackStorm has not worked off, or a lookup that fails: wait, for it can still run. After the age
//!   limit the row is `failed/uncertain` again;
//! - nothing, for a whole settle time: the row is certain, and its next claim posts.
//!
//! A row of a restored backup comes here too (`store::restore`): its older generations include those that it may have reached
//! since the backup.
//!
//! What this cannot see: a webhook that StackStorm took with 202 and whose message still waits in its RabbitMQ because the
//! rules engine has stood still all the time (no API shows that queue). It runs when the rules engine is back, beside the
//! replay. So the rules engine should be up before `failed/uncertain` rows are replayed.

use super::{End, attempt::Attempt, found, resolver, settle, trace_tag};
use crate::{
    database::DatabaseError,
    model::{doubt::Doubt, status::DispatchReason},
    stackstorm::{LookupError, Sighting, Trace, traces},
    store::dispatch::{
        claim::ClaimedAlert,
        dispatch_log::{self, Entry},
        links::{self, Link},
        release::Cause,
    },
};
use chrono::{NaiveDateTime, TimeDelta};

/// Waits between lookups: half as long as has been waited, within these bounds.
const SHORTEST: TimeDelta = TimeDelta::seconds(10);
const LONGEST: TimeDelta = TimeDelta::minutes(5);

/// What older generations left in StackStorm.
enum Found {
    /// Nothing ran.
    Nothing,
    /// It cannot be said yet.
    Undecided(String),
    /// These.
    Ran { generation: i32, links: Vec<Link> },
}

/// True when the row was replayed while uncertain, and nothing has been posted since.
pub(super) fn is_to_be_asked(alert: &ClaimedAlert) -> bool {
    alert.dispatch_uncertain && alert.dispatch_generation > 0 && alert.attempted_at.is_none()
}

/// Runs to the end of the claim. Twice is safe: nothing is posted here.
pub(super) async fn run(attempt: &Attempt<'_>) -> End {
    match find(attempt).await {
        Ok(Found::Nothing) => settle(attempt),
        Ok(Found::Ran { generation, links }) => adopt(attempt, generation, links),
        Ok(Found::Undecided(seen)) => wait(attempt, &seen),
        Err(error) => wait(attempt, &error.to_string()),
    }
}

/// Every older generation is asked, and only if none of them ran anything new, nothing ran. What is linked is known: a
/// generation that ran, and was replayed all the same, is no answer for the one after it.
async fn find(attempt: &Attempt<'_>) -> Result<Found, FindError> {
    let (dispatch, claimed) = (attempt.dispatch, attempt.claimed);
    let alert_id = claimed.alert.id;
    let known = dispatch.store.run(move |conn| links::of_alert(conn, alert_id)).await?;
    let mut found = Found::Nothing;
    for generation in 0..claimed.alert.dispatch_generation {
        let tag = trace_tag(claimed.request_id, alert_id, generation);
        let traces = dispatch.client.traces_by_tag(&tag).await?;
        match of_generation(attempt, generation, &traces).await? {
            Found::Nothing => {}
            Found::Ran { links, .. } if links.iter().all(|link| known.contains(&link.execution_id)) => {}
            ran @ Found::Ran { .. } => return Ok(ran),
            undecided @ Found::Undecided(_) => found = undecided,
        }
    }
    Ok(found)
}

/// No server could be asked.
#[derive(Debug, thiserror::Error)]
enum FindError {
    #[error(transparent)]
    StackStorm(#[from] LookupError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

async fn of_generation(attempt: &Attempt<'_>, generation: i32, traces: &[Trace]) -> Result<Found, LookupError> {
    let client = &attempt.dispatch.client;
    let roots = traces::roots(traces);
    let sightings = client.sightings(roots.iter().map(|root| &root.execution_id)).await?;
    let mut links = Vec::new();
    for (root, sighting) in std::iter::zip(&roots, sightings) {
        match sighting {
            Sighting::Seen(execution) if found::never_ran(&execution) => {}
            Sighting::Seen(seen) if !seen.is_terminal() && !seen.has_run() => {
                let text = format!("execution {} of generation {generation} is {}", seen.id, seen.status);
                return Ok(Found::Undecided(text));
            }
            // One that StackStorm has deleted had ended, and one that it hides is a person's re-run.
            Sighting::Seen(_) | Sighting::Gone | Sighting::Hidden => links.push(found::link(root)),
        }
    }
    if !links.is_empty() {
        return Ok(Found::Ran { generation, links });
    }
    if traces::root_trigger_instances(traces).is_empty() {
        return Ok(Found::Nothing);
    }
    Ok(match resolver::verdict(client, traces).await {
        resolver::Verdict::Ran(links) => Found::Ran { generation, links },
        resolver::Verdict::Failed(_) | resolver::Verdict::NoneMatched => Found::Nothing,
        resolver::Verdict::Unknown(seen) => Found::Undecided(seen),
    })
}

fn adopt(attempt: &Attempt<'_>, generation: i32, links: Vec<Link>) -> End {
    attempt.dispatch.metrics.replays.with_label_values(&["adopted"]).inc();
    let text = format!("generation {generation} had run after all");
    let mut entry = Entry::new(crate::clock::utc_now(), "adopted").detail(&text);
    if let Some(link) = links.first() {
        entry = entry.execution(&link.execution_id);
    }
    log::info!(
        event = "older_generation_ran", alert_id = attempt.claimed.alert.id, generation;
        "an older generation of this replayed dispatch had run; posting nothing"
    );
    End::Dispatched { links, log: Some(Box::new(entry)) }
}

/// As for a call of this generation (`settle`), except that the clock starts with the replay: nothing of an older generation
/// is on its way any more when a POST made right before it would have timed out. The time that a silent call may hang counts
/// from that call, which was long ago as a rule; what an older program replayed does not say when.
fn settle(attempt: &Attempt<'_>) -> End {
    let (policy, alert) = (&attempt.dispatch.policy, &attempt.claimed.alert);
    let said = dispatch_log::last_attempt(alert.dispatch_log.as_deref());
    // Of a restored row: the last call that may be unknown, and the last moment at which there may have been one.
    let latest = said.max(dispatch_log::restored_at(alert.dispatch_log.as_deref()));
    let hangs = (policy.silent_settle_time - policy.settle_time).max(TimeDelta::zero());
    let last = latest.unwrap_or_else(|| began(attempt)) + if alert.dispatch_silent { hangs } else { TimeDelta::zero() };
    let over = last.max(began(attempt)) + policy.http_timeout;
    if let Some((since, wait)) = policy.settling(false, attempt.claimed.claimed_at, over, alert.settling_since) {
        return waiting(wait, since, "nothing is found so far");
    }
    if let Some(end) = settle::too_old(attempt, said.unwrap_or(alert.created_at)) {
        return end;
    }
    let text = "StackStorm ran nothing for the older generations".to_owned();
    End::attempt_failed(TimeDelta::zero(), "settled", text)
}

fn wait(attempt: &Attempt<'_>, seen: &str) -> End {
    let waited = attempt.claimed.claimed_at - began(attempt);
    if waited > attempt.dispatch.policy.max_age {
        let error = format!("it cannot be told whether an older generation ran: {seen}");
        return End::failed(DispatchReason::Uncertain, error);
    }
    log::info!(
        event = "older_generation_unknown", alert_id = attempt.claimed.alert.id, seen:?;
        "waiting until it is known whether an older generation ran"
    );
    waiting((waited / 2).clamp(SHORTEST, LONGEST), None, seen)
}

/// With the replay, or with the restore of a backup, which leaves `pending_at` as it is.
fn began(attempt: &Attempt<'_>) -> NaiveDateTime {
    let alert = &attempt.claimed.alert;
    let pending = alert.pending_at.unwrap_or(alert.created_at);
    dispatch_log::restored_at(alert.dispatch_log.as_deref()).map_or(pending, |restored| restored.max(pending))
}

/// The row says for what it waits.
fn waiting(due_in: TimeDelta, settling_since: Option<NaiveDateTime>, seen: &str) -> End {
    let text = format!("waiting to learn whether an older generation ran: {seen}");
    let cause = Some(Cause { event: "older_generation", text });
    End::look_again(Doubt::AsBefore, due_in, settling_since, cause)
}
