//! Alerts and executions as rows of tables, on every page that lists them.

use super::words::{Moment, State, duration};
use crate::{
    history::{AlertEntry, AlertStory, ExecutionEntry, ExecutionShown, LinkStory, TablesState, explain},
    model::status::DispatchStatus,
    store::read::AlertSummary,
};

/// Characters of an error in a list.
const ERROR: usize = 160;

/// An alert in a list.
pub(super) struct AlertRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) instance: String,
    pub(super) severity: String,
    pub(super) state: State,
    pub(super) reason: String,
    /// Why, and what comes next.
    pub(super) why: String,
    pub(super) target: String,
    pub(super) executions: Vec<Link>,
    pub(super) received: Moment,
}

/// A link to an execution's page, with where it stands.
pub(super) struct Link {
    pub(super) id: String,
    pub(super) state: State,
}

impl AlertRow {
    fn new(alert: &AlertSummary, links: &[LinkStory]) -> Self {
        let link = |link: &LinkStory| Link {
            id: link.link.st2_execution_id.clone(),
            state: State::execution(link.execution.as_ref().and_then(ExecutionShown::status)),
        };
        Self {
            id: alert.id.to_string(),
            name: name(alert),
            instance: alert.instance.clone(),
            severity: alert.severity.clone(),
            state: State::dispatch(alert.dispatch_status),
            reason: alert.dispatch_reason.map(|reason| reason.to_string()).unwrap_or_default(),
            why: why(alert),
            target: alert.dispatch_target.clone().unwrap_or_default(),
            executions: links.iter().map(link).collect(),
            received: Moment::clock(alert.created_at),
        }
    }
}

impl From<&AlertEntry> for AlertRow {
    fn from(entry: &AlertEntry) -> Self {
        Self::new(&entry.alert, &entry.links)
    }
}

impl From<&AlertStory> for AlertRow {
    fn from(story: &AlertStory) -> Self {
        Self::new(&story.alert.summary, &story.links)
    }
}

/// A link needs a text.
pub(super) fn name(alert: &AlertSummary) -> String {
    if alert.alert_name.is_empty() { format!("alert {}", alert.id) } else { alert.alert_name.clone() }
}

/// What went well needs no words; of the rest the last error says more than the reason.
fn why(alert: &AlertSummary) -> String {
    let words = match alert.dispatch_reason {
        Some(reason) => explain::of_reason(reason),
        None if alert.dispatch_status == DispatchStatus::Dispatched => "",
        None => explain::of_status(alert.dispatch_status),
    };
    match &alert.dispatch_error {
        Some(error) if alert.dispatch_status != DispatchStatus::Dispatched => {
            crate::model::truncate::column(error, ERROR).into_owned()
        }
        _ => words.to_owned(),
    }
}

/// An execution in a list.
pub(super) struct ExecutionRow {
    pub(super) id: String,
    pub(super) action: String,
    pub(super) state: State,
    pub(super) took: String,
    pub(super) started: Option<Moment>,
    /// The alert that led to it.
    pub(super) alert: Option<String>,
    pub(super) rule: String,
    /// StackStorm's own page about it.
    pub(super) web_url: Option<String>,
}

impl ExecutionRow {
    /// A task of an execution.
    pub(super) fn task(execution: &ExecutionShown) -> Self {
        Self::new(execution.id(), None, Some(execution))
    }

    /// What a link names.
    pub(super) fn linked(link: &LinkStory) -> Self {
        let row = Self::new(&link.link.st2_execution_id, link.link.st2_action_ref.as_deref(), link.execution.as_ref());
        Self { rule: link.link.st2_rule_ref.clone().unwrap_or_default(), ..row }
    }

    fn new(id: &str, action: Option<&str>, execution: Option<&ExecutionShown>) -> Self {
        Self {
            id: id.to_owned(),
            action: execution.and_then(ExecutionShown::action).or(action).unwrap_or(id).to_owned(),
            state: State::execution(execution.and_then(ExecutionShown::status)),
            took: execution.and_then(|execution| execution.duration_seconds).map(duration).unwrap_or_default(),
            started: execution.and_then(|execution| execution.times().0).map(Moment::clock),
            alert: None,
            rule: String::new(),
            web_url: execution.and_then(|execution| execution.web_url.clone()),
        }
    }
}

impl From<&ExecutionEntry> for ExecutionRow {
    fn from(entry: &ExecutionEntry) -> Self {
        let link = &entry.link;
        let row = Self::new(&link.st2_execution_id, link.st2_action_ref.as_deref(), entry.execution.as_ref());
        Self {
            alert: Some(entry.alert_id.to_string()),
            rule: link.st2_rule_ref.clone().unwrap_or_default(),
            started: row.started.or_else(|| Some(Moment::clock(link.created_at))),
            ..row
        }
    }
}

/// What is missing on a page whose executions could not be read.
pub(super) fn missing(state: &TablesState) -> Option<String> {
    let detail = state.detail.as_deref().filter(|_| !state.available)?;
    Some(format!("Executions are shown without their status: {detail}"))
}
