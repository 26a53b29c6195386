//! The timeline of one alert: its steps and what its log holds, by time, with the gaps between them.

use super::words::{Moment, duration};
use crate::{
    history::{AlertStory, ExecutionShown, Step},
    store::dispatch::dispatch_log::Entry,
};
use chrono::{DateTime, NaiveDateTime};

/// A gap that is worth a look.
const LONG: f64 = 30.0;

/// A line of the timeline.
pub(super) struct Line {
    pub(super) class: &'static str,
    pub(super) at: Moment,
    pub(super) gap: String,
    pub(super) long: bool,
    pub(super) text: String,
    pub(super) more: String,
    /// The execution that it is about.
    pub(super) execution: Option<String>,
    /// In one line, for a ticket.
    pub(super) plain: String,
}

struct Point {
    at: NaiveDateTime,
    class: &'static str,
    text: String,
    more: String,
    execution: Option<String>,
}

/// All lines, oldest first.
pub(super) fn lines(story: &AlertStory) -> Vec<Line> {
    let received = story.alert.summary.created_at;
    let mut points: Vec<Point> = story.steps.iter().map(|step| of_step(step, story)).collect();
    points.extend(story.attempts.iter().map(|entry| of_entry(entry, received)));
    points.sort_by_key(|point| point.at);
    let mut previous = received;
    points
        .into_iter()
        .map(|point| {
            let gap = (point.at - std::mem::replace(&mut previous, point.at)).as_seconds_f64();
            line(point, gap, received)
        })
        .collect()
}

fn line(point: Point, gap: f64, received: NaiveDateTime) -> Line {
    let Point { at, class, text, more, execution } = point;
    let mut plain = format!("{} UTC {text}", at.format("%Y-%m-%d %H:%M:%S%.3f"));
    for part in execution.iter().chain(Some(&more).filter(|more| !more.is_empty())) {
        plain.extend([" ", part]);
    }
    let gap_shown = if at == received { String::new() } else { format!("+{}", duration(gap)) };
    // How long an execution takes is StackStorm's.
    let long = gap >= LONG && execution.is_none();
    Line { class, at: Moment::exact(at), gap: gap_shown, long, text, more, execution, plain }
}

fn of_step(step: &Step, story: &AlertStory) -> Point {
    let (class, text) = match step.step {
        "received" => ("idle", "Received".to_owned()),
        "pending_again" => ("idle", "To be run again".to_owned()),
        "attempted" => ("busy", "StackStorm was called".to_owned()),
        "dispatched" => ("ok", "Dispatched: its execution is written down".to_owned()),
        "execution_started" => ("busy", "Execution started".to_owned()),
        _ => ended(step, story),
    };
    Point { at: step.at, class, text, more: String::new(), execution: step.st2_execution_id.clone() }
}

fn ended(step: &Step, story: &AlertStory) -> (&'static str, String) {
    let id = step.st2_execution_id.as_deref();
    let mut executions = story.links.iter().filter_map(|link| link.execution.as_ref());
    let status = executions.find(|execution| Some(execution.id()) == id).and_then(ExecutionShown::status);
    let class = match status {
        Some("succeeded") => "ok",
        Some("canceled") | None => "idle",
        Some(_) => "bad",
    };
    (class, format!("Execution ended: {}", status.unwrap_or("unknown")))
}

/// An entry whose time cannot be read is shown at the beginning.
fn of_entry(entry: &Entry, received: NaiveDateTime) -> Point {
    let at = DateTime::parse_from_rfc3339(&entry.at).map_or(received, |at| at.naive_utc());
    let class = match entry.event.as_str() {
        event if event.contains("fail") || event.contains("refused") => "bad",
        event if event.contains("retr") || event.contains("uncertain") || event == "post_again" => "hold",
        _ => "idle",
    };
    let mut text = entry.event.replace('_', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if let Some(by) = &entry.by {
        text.extend([" by ", by]);
    }
    let from = entry.from.as_ref().map(|from| format!("from {from}"));
    let reason = entry.reason.as_ref().map(|reason| format!("\u{201c}{reason}\u{201d}"));
    let more = [reason, entry.detail.clone(), from].into_iter().flatten().collect::<Vec<_>>().join("; ");
    Point { at, class, text, more, execution: entry.execution_id.clone() }
}
