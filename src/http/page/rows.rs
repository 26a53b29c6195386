//! Alerts and executions as rows of tables, on every page that lists them.

use super::{
    meter::Meter,
    words::{Moment, State, duration},
};
use crate::{
    clock,
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
    pub(super) route: String,
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
            route: alert.dispatch_route.clone().unwrap_or_default(),
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
    /// Since when it runs, where it has not ended.
    pub(super) running: Option<Moment>,
    /// Its duration, or how long it has run so far.
    seconds: Option<f64>,
    /// The same next to the longest of the list.
    pub(super) bar: Option<Meter>,
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
        // StackStorm's clock began it, and ours says how long ago that is: good enough for a look.
        let running = execution.and_then(ExecutionShown::runs_since);
        let so_far = running.map(|since| (clock::utc_now() - since).as_seconds_f64().max(0.0));
        let took = execution.and_then(|execution| execution.duration_seconds);
        Self {
            id: id.to_owned(),
            action: execution.and_then(ExecutionShown::action).or(action).unwrap_or(id).to_owned(),
            state: State::execution(execution.and_then(ExecutionShown::status)),
            took: took.map(duration).unwrap_or_default(),
            running: running.map(Moment::age),
            seconds: took.or(so_far),
            bar: None,
            started: execution.and_then(|execution| execution.times().0).map(Moment::clock),
            alert: None,
            rule: String::new(),
            web_url: execution.and_then(|execution| execution.web_url.clone()),
        }
    }
}

/// Gives each row a bar as long as its duration, next to the longest one. Logarithmic: a second and an hour are both seen.
pub(super) fn compare(rows: &mut [ExecutionRow]) {
    let longest = rows.iter().filter_map(|row| row.seconds).fold(0.0, f64::max);
    for row in rows {
        let class = if row.running.is_some() { "near" } else { "" };
        let share = |seconds: f64| if longest > 0.0 { seconds.max(0.0).ln_1p() / longest.ln_1p() } else { 0.0 };
        row.bar = row.seconds.map(|seconds| Meter::bar(share(seconds), class));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_execution_has_the_whole_bar_and_a_short_one_is_seen() {
        let mut rows: Vec<ExecutionRow> = (0..3).map(|_| ExecutionRow::new("1", None, None)).collect();
        (rows[0].seconds, rows[1].seconds) = (Some(3_600.0), Some(0.05));
        compare(&mut rows);
        let bars: Vec<String> =
            rows.iter().map(|row| row.bar.as_ref().map(ToString::to_string).unwrap_or_default()).collect();
        assert!(bars[0].contains(r#"class="f" x="0" width="100""#), "{}", bars[0]);
        assert!(bars[1].contains(r#"class="f" x="0" width="1""#), "{}", bars[1]);
        assert!(bars[2].is_empty(), "nothing is known of it");
    }
}
