//! `/`: is all well, and if not, what is it.

use super::{
    super::{problem::Problem, query::Query},
    chart::{Chart, of_rhythm},
    force::{self, Force},
    frame::Frame,
    notice, respond,
    rows::{AlertRow, missing},
    stations::{self, Station},
    strip::Rail,
    verdict::{self, Verdict},
    words::{State, age},
};
use crate::{
    history::{Charts, History, Now},
    model::status::{DispatchReason, DispatchStatus},
    store::read::rhythm::Step,
};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

/// What holds alerts, in the order in which the guards decide. Always the same rows: one that vanishes makes people search.
const GUARDS: [DispatchReason; 7] = [
    DispatchReason::Paused,
    DispatchReason::Approval,
    DispatchReason::Cooldown,
    DispatchReason::TargetRate,
    DispatchReason::Brake,
    DispatchReason::InFlight,
    DispatchReason::Rate,
];

#[derive(Template)]
#[template(path = "now.html")]
struct Page {
    frame: Frame,
    verdict: Verdict,
    stations: Vec<Station>,
    force: Vec<Force>,
    waiting: Vec<Count>,
    held: Vec<Count>,
    look: Vec<Count>,
    missing: Option<String>,
    hour: Vec<Chart>,
    day: Vec<Chart>,
    rows: Vec<AlertRow>,
}

/// A number with a name that leads to its rows.
struct Count {
    label: String,
    /// `None` where no filter of the list chooses them.
    href: Option<String>,
    rows: i64,
    note: String,
}

/// How things stand.
pub(in crate::http) async fn show(request: HttpRequest, history: web::Data<History>) -> HttpResponse {
    respond(&request, view(&request, &history).await)
}

async fn view(request: &HttpRequest, history: &History) -> Result<Page, Problem> {
    Query::parse(request, &[&[notice::DONE]])?;
    let charts = async { tokio::try_join!(history.charts(Step::Minute), history.charts(Step::Hour)) };
    let (now, (minutes, hours), processes, guards) =
        tokio::try_join!(history.now(), charts, history.processes(), history.held())?;
    let webhooks = minutes.rhythm.webhooks.iter().map(|part| part.n).sum();
    let stations = stations::of(&processes, webhooks);
    let frame = Frame::of(request, "now", "Now").with(notice::of(request, history).await);
    Ok(Page {
        frame: frame.with_rail(Rail::of(&now.standing, &stations)),
        verdict: verdict::of(&now.standing, &stations),
        stations,
        force: force::of(&guards, history),
        waiting: waiting(&now),
        held: held(&now),
        look: look(&now, &minutes),
        missing: missing(&now.execution_db),
        hour: of_rhythm(&minutes, Step::Minute),
        day: of_rhythm(&hours, Step::Hour),
        rows: now.settled.iter().map(AlertRow::from).collect(),
    })
}

fn count(label: &str, filter: &str, rows: i64, note: String) -> Count {
    Count { label: label.to_owned(), href: Some(format!("/alerts?{filter}&range=all")), rows, note }
}

fn waiting(now: &Now) -> Vec<Count> {
    let on_the_way = now.standing.waiting.iter().filter(|depth| depth.status != DispatchStatus::Held);
    let one = |depth: &crate::store::read::depth::Depth| {
        let (word, oldest) = (depth.status.as_str(), depth.oldest_seconds);
        let note = if depth.rows > 0 { age(oldest) } else { String::new() };
        count(word, &format!("dispatch_status={word}"), depth.rows, note)
    };
    on_the_way.map(one).collect()
}

fn held(now: &Now) -> Vec<Count> {
    let one = |reason: &DispatchReason| {
        let rows = now.standing.held.iter().find(|(held, _)| *held == Some(*reason)).map_or(0, |(_, rows)| *rows);
        let note = if rows > 0 { lets_go(*reason).to_owned() } else { String::new() };
        count(reason.as_str(), &format!("dispatch_status=held&reason={reason}"), rows, note)
    };
    GUARDS.iter().map(one).collect()
}

/// What lets go of what a guard holds, in a word or two.
fn lets_go(guard: DispatchReason) -> &'static str {
    match guard {
        DispatchReason::Approval => "by you",
        DispatchReason::Paused => "at its end, or by you",
        DispatchReason::Brake => "see In force",
        _ => "by itself",
    }
}

/// Executions of the last hour that went wrong, from the parts of the chart.
fn executions_failed(minutes: &Charts) -> Count {
    let with = |is: fn(&str) -> bool| {
        let parts = minutes.rhythm.executions.iter().filter(|part| is(&part.status));
        parts.map(|part| part.n).sum::<i64>()
    };
    let bad = with(|status| State::execution(Some(status)).class() == "bad");
    // A list of executions has one status.
    let status = if bad == with(|status| status == "failed") { "status=failed&" } else { "" };
    let href = Some(format!("/executions?{status}range=1h"));
    Count { label: "executions failed, last hour".to_owned(), href, rows: bad, note: String::new() }
}

fn look(now: &Now, minutes: &Charts) -> Vec<Count> {
    let failed: i64 = now.failed.iter().map(|(_, rows)| rows).sum();
    let reasons: Vec<&str> = now.failed.iter().filter_map(|(reason, _)| Some((*reason)?.as_str())).collect();
    let late: i64 = now.standing.overdue.iter().map(|overdue| overdue.rows).sum();
    let oldest = now.standing.overdue.iter().map(|overdue| overdue.oldest_seconds).max();
    let plain = |label: &str, rows: i64, note: String| Count { label: label.to_owned(), href: None, rows, note };
    let lately = Some("/alerts?dispatch_status=failed&range=1h".to_owned());
    let running = Some("/executions?status=running&range=all".to_owned());
    let mut rows = vec![
        Count { href: lately, ..plain("failed, last hour", now.standing.failed_lately, String::new()) },
        count("failed, all", "dispatch_status=failed", failed, reasons.join(", ")),
        plain("uncertain", now.uncertain, String::new()),
        plain("late", late, oldest.map(age).unwrap_or_default()),
    ];
    rows.push(executions_failed(minutes));
    let overdue = now.executions_overdue;
    rows.extend(overdue.map(|overdue| Count { href: running, ..plain("executions overdue", overdue, String::new()) }));
    rows
}
