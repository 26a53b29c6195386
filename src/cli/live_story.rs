//! A request that was just sent, with its executions as StackStorm itself has them now: `demo` and `send-test` do not wait
//! for the tracker.

use crate::{
    history::{ExecutionShown, History, LinkStory, RequestStory},
    stackstorm::{Client, ExecutionId},
};

/// The story with what StackStorm's API says of its executions.
pub(super) async fn live(history: &History, client: &Client, story: RequestStory) -> anyhow::Result<RequestStory> {
    let ids: Vec<ExecutionId> =
        links(&story).filter_map(|link| ExecutionId::parse(&link.link.st2_execution_id).ok()).collect();
    let found = client.executions_by_ids(&ids).await?;
    Ok(history.with_live(story, found))
}

/// The executions that are there.
pub(super) fn executions(story: &RequestStory) -> impl Iterator<Item = (&str, &ExecutionShown)> {
    links(story).filter_map(|link| Some((link.link.st2_execution_id.as_str(), link.execution.as_ref()?)))
}

/// All of them have ended.
pub(super) fn have_ended(story: &RequestStory) -> bool {
    executions(story).all(|(_, execution)| execution.is_terminal())
}

fn links(story: &RequestStory) -> impl Iterator<Item = &LinkStory> {
    story.alerts.iter().flat_map(|alert| &alert.links)
}
