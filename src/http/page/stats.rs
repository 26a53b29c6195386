//! `/stats`: which workflow got worse, and on which day.

use super::{
    super::{problem::Problem, query::Query},
    chart::Chart,
    form::Choice,
    frame::Frame,
    respond,
    rows::missing,
    words::duration,
};
use crate::{
    clock,
    history::{Counts, History, Range},
};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::TimeDelta;

/// The ranges that can be chosen; the first is the one when nothing is said.
const RANGES: [(&str, &str, TimeDelta); 3] =
    [("7d", "7 d", TimeDelta::days(7)), ("24h", "24 h", TimeDelta::hours(24)), ("30d", "30 d", TimeDelta::days(30))];

#[derive(Template)]
#[template(path = "stats.html")]
struct Page {
    frame: Frame,
    ranges: Vec<Choice>,
    counted: &'static str,
    all: Line,
    workflows: Vec<Line>,
    days: Vec<Line>,
    chart: Option<Chart>,
    missing: Option<String>,
}

/// Counts under a name.
struct Line {
    name: String,
    counts: Counts,
    success: String,
    average: String,
    p95: String,
}

impl Line {
    fn new(name: impl Into<String>, counts: &Counts, average: Option<f64>, p95: Option<f64>) -> Self {
        let percent = counts.success_rate.map(|rate| format!("{:.1} %", rate * 100.0));
        Self {
            name: name.into(),
            counts: counts.clone(),
            success: percent.unwrap_or_default(),
            average: average.map(duration).unwrap_or_default(),
            p95: p95.map(duration).unwrap_or_default(),
        }
    }
}

/// The figures.
pub(in crate::http) async fn show(request: HttpRequest, history: web::Data<History>) -> HttpResponse {
    respond(&request, view(&request, &history).await)
}

async fn view(request: &HttpRequest, history: &History) -> Result<Page, Problem> {
    let query = Query::parse_form(request, &[&["range"]])?;
    let chosen = query.get("range").unwrap_or(RANGES[0].0);
    let length = RANGES.iter().find(|(word, ..)| *word == chosen).map(|(.., length)| *length);
    let length = length.ok_or_else(|| super::super::query::bad("range", "write 24h, 7d or 30d"))?;
    // Whole days and hours: their counters are kept.
    let since = clock::utc_now() - length;
    let step_hour = crate::store::read::rhythm::Step::Hour.begin(since);
    let from = if length > TimeDelta::hours(24) { since.date().and_time(chrono::NaiveTime::MIN) } else { step_hour };
    let from = from.and_utc();
    let range = Range::new(Some(from), None).ok_or(Problem::Unavailable("the clock was set back; try again"))?;
    let stats = history.stats(range).await?;
    let of_workflow = stats.workflows.iter().map(|found| {
        let name = found.workflow.as_deref().unwrap_or("unknown");
        Line::new(name, &found.counts, found.average_seconds, found.p95_seconds)
    });
    Ok(Page {
        frame: Frame::of(request, "stats", "Stats").still(),
        ranges: ranges(chosen),
        counted: stats.counted,
        all: Line::new("all", &stats.all, None, None),
        workflows: of_workflow.collect(),
        chart: Chart::of_days(&stats.days, stats.from.date(), stats.to.date()),
        days: stats.days.iter().map(|day| Line::new(day.day.to_string(), &day.counts, None, None)).collect(),
        missing: missing(&stats.execution_db),
    })
}

fn ranges(chosen: &str) -> Vec<Choice> {
    let choice = |(word, label, _): &(&str, &str, _)| Choice {
        label: (*label).to_owned(),
        href: format!("/stats?range={word}"),
        current: *word == chosen,
    };
    [1, 0, 2].iter().filter_map(|place| RANGES.get(*place)).map(choice).collect()
}
