//! Executions: create, look up, cancel.

use super::{
    answer,
    client::{Client, PAGE},
    error::LookupError,
    exchange::Answer,
    ids::ExecutionId,
    outcome::{Mode, Outcome},
    words,
};
use crate::model::{execution_status::ExecutionStatus, target::ActionRef};
use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Instant;

mod execution;

pub use execution::{Execution, Liveaction, LogEntry};

/// An execution to create.
#[derive(Debug, Clone, Copy)]
pub struct NewExecution<'a> {
    /// What to run.
    pub action: &'a ActionRef,
    /// Its parameters, rendered and safe: StackStorm evaluates Jinja in them.
    pub parameters: &'a Map<String, Value>,
    /// What StackStorm keeps with the execution and returns, in addition to the trace tag: `{"poundcake": {…}}`.
    pub context: &'a Map<String, Value>,
    /// What the execution can be found by.
    pub trace_tag: &'a str,
    /// Nothing is written after this moment: the answer is then `TooLate`.
    pub not_after: Instant,
}

#[derive(Serialize)]
struct Body<'a> {
    action: &'a str,
    parameters: &'a Map<String, Value>,
    context: Map<String, Value>,
}

/// What StackStorm shows of an execution that was seen before.
#[derive(Debug, Clone, PartialEq)]
pub enum Sighting {
    /// It is there.
    Seen(Box<Execution>),
    /// st2api itself says that it has none of this id (any more).
    Gone,
    /// It is there, and not ours to see.
    Hidden,
}

/// The result of a cancel.
#[derive(Debug, Clone, PartialEq)]
pub enum Cancel {
    /// `canceled`, or `canceling` while its running part is awaited. A `canceled` one may have run all the same: look at
    /// [`Execution::has_run`] a few seconds later.
    Requested(Box<Execution>),
    /// It had ended, or was being cancelled already.
    NotCancelable(String),
    /// st2api itself says that there is no such execution.
    NotFound,
}

/// The id in the answer to a POST; without one it is unknown what was created.
fn created(answer: &Answer) -> Result<ExecutionId, LookupError> {
    /// The one field that the outcome needs.
    #[derive(Deserialize)]
    struct Created {
        id: ExecutionId,
    }
    let Created { id } = answer::json(answer)?;
    Ok(id)
}

impl Client {
    /// Triggers an action. Writes at most one POST.
    pub async fn create_execution(&self, new: NewExecution<'_>) -> Outcome<ExecutionId> {
        let mut context = new.context.clone();
        context.insert("trace_context".to_owned(), json!({ "trace_tag": new.trace_tag }));
        let body = Body { action: new.action.as_str(), parameters: new.parameters, context };
        let request = self.request(Method::POST, &["executions"]).json(&body);
        Outcome::of(Mode::Direct, self.send(request, Some(new.not_after)).await, created)
    }

    /// One execution; `None` when StackStorm has none of this id (any more). A result too large to be read is left out.
    pub async fn execution(&self, id: &ExecutionId) -> Result<Option<Execution>, LookupError> {
        let path = ["executions", id.as_str()];
        match self.find_json(&path, &[]).await {
            Err(LookupError::TooLarge { .. }) => {
                self.find_json(&path, &[("exclude_attributes", "result,trigger_instance")]).await
            }
            found => found,
        }
    }

    /// Many executions, in no particular order. Those that StackStorm does not have are absent, and so are those that it
    /// does not list for this user: only [`Self::execution`] tells that one is gone. A hundred are asked for
    /// at a time: what StackStorm lists for anybody, and well under its limit for a URL. Large answers are asked for in
    /// smaller parts.
    pub async fn executions_by_ids(&self, ids: &[ExecutionId]) -> Result<Vec<Execution>, LookupError> {
        let mut found = Vec::with_capacity(ids.len());
        let mut parts: Vec<&[ExecutionId]> = ids.chunks(PAGE).collect();
        while let Some(part) = parts.pop() {
            if let [id] = part {
                found.extend(self.execution(id).await?);
                continue;
            }
            let joined = part.iter().map(ExecutionId::as_str).collect::<Vec<_>>().join(",");
            let limit = PAGE.to_string();
            match self.get_json::<Vec<Execution>>(&["executions"], &[("id", &joined), ("limit", &limit)]).await {
                Ok(executions) => found.extend(executions),
                Err(LookupError::TooLarge { .. }) => parts.extend(part.chunks(part.len().div_ceil(2))),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// What StackStorm shows of executions that were seen before, in the order of the ids. A list that lacks one proves nothing
    /// of it: it is then asked for alone.
    pub async fn sightings(&self, ids: impl Iterator<Item = &ExecutionId>) -> Result<Vec<Sighting>, LookupError> {
        let ids: Vec<ExecutionId> = ids.cloned().collect();
        let mut listed = self.executions_by_ids(&ids).await?;
        let mut sightings = Vec::with_capacity(ids.len());
        for id in &ids {
            let found = match listed.iter().position(|execution| execution.id == *id) {
                Some(index) => Ok(Some(listed.swap_remove(index))),
                None => self.execution(id).await,
            };
            sightings.push(match found {
                Ok(Some(execution)) => Sighting::Seen(Box::new(execution)),
                Ok(None) => Sighting::Gone,
                Err(LookupError::Refused { status: 403, .. }) => Sighting::Hidden,
                Err(error) => return Err(error),
            });
        }
        Ok(sightings)
    }

    /// The top-level executions under a trace tag (of one action, where it is known), also those that no trace names (yet), created after `since`.
    /// StackStorm has an index for the time alone.
    pub async fn executions_by_tag(
        &self,
        tag: &str,
        action: Option<&ActionRef>,
        since: DateTime<Utc>,
    ) -> Result<Vec<Execution>, LookupError> {
        let (filter, since) =
            (format!("context.trace_context.trace_tag:{tag}"), since.to_rfc3339_opts(SecondsFormat::Micros, true));
        let mut query = vec![
            ("filter", filter.as_str()),
            ("timestamp_gt", since.as_str()),
            ("exclude_attributes", "result,trigger_instance"),
        ];
        query.extend(action.map(|action| ("action", action.as_str())));
        let found: Vec<Execution> = self.list(&["executions"], &query).await?;
        let tag_of =
            |execution: &Execution| Some(execution.in_context("trace_context")?.get("trace_tag")?.as_str()? == tag);
        if found.iter().any(|execution| tag_of(execution) != Some(true)) {
            return Err(LookupError::Unreadable("executions of other tags than the one asked for".to_owned()));
        }
        Ok(found)
    }

    /// Status, log and tasks of many executions: enough to tell whether there is anything new, and little for StackStorm to
    /// read and to send. As in [`Self::executions_by_ids`], what is absent is not therefore gone.
    pub async fn glance(&self, ids: &[ExecutionId]) -> Result<Vec<Execution>, LookupError> {
        let mut found = Vec::with_capacity(ids.len());
        for part in ids.chunks(PAGE) {
            let joined = part.iter().map(ExecutionId::as_str).collect::<Vec<_>>().join(",");
            let limit = PAGE.to_string();
            let query = [("id", joined.as_str()), ("limit", &limit), ("include_attributes", "status,log,children")];
            found.extend(self.get_json::<Vec<Execution>>(&["executions"], &query).await?);
        }
        Ok(found)
    }

    /// True when an execution that was created after `since` has been run by StackStorm: then one that was created at
    /// `since` and still is `requested` was forgotten, and does not wait in a queue.
    pub async fn has_run_any_since(&self, since: DateTime<Utc>) -> Result<bool, LookupError> {
        let since = since.to_rfc3339_opts(SecondsFormat::Micros, true);
        for status in [ExecutionStatus::Succeeded, ExecutionStatus::Running, ExecutionStatus::Failed] {
            let query = [
                ("timestamp_gt", since.as_str()),
                ("status", status.as_str()),
                ("limit", "1"),
                ("exclude_attributes", "result,trigger_instance"),
            ];
            let found: Vec<Execution> = self.get_json(&["executions"], &query).await?;
            if found.iter().any(|execution| execution.known_status() == Some(status)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks StackStorm to cancel. It answers 200 to a refusal too: the body decides.
    pub async fn cancel_execution(&self, id: &ExecutionId) -> Result<Cancel, LookupError> {
        let request = self.request(Method::DELETE, &["executions", id.as_str()]);
        let answer = self.send(request, None).await?;
        if answer.status == StatusCode::NOT_FOUND
            && answer::own_fault(&answer).is_some_and(|words| words.contains(id.as_str()))
        {
            return Ok(Cancel::NotFound);
        }
        match (answer.status, answer::faultstring(&answer)) {
            (StatusCode::OK, Some(words)) => Ok(Cancel::NotCancelable(words::shorten(&words))),
            (StatusCode::OK, None) => Ok(Cancel::Requested(Box::new(answer::json(&answer)?))),
            _ => Err(LookupError::of_answer(&answer)),
        }
    }
}

#[cfg(test)]
mod tests;
