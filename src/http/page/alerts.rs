//! `/alerts`: the list, with all filters of the API as a form, a time range, and a search for what a pager shows.

use super::{
    super::{
        alerts::{PARAMETERS, filter},
        problem::Problem,
        query::{self, Query},
    },
    chip::Chip,
    form::{self, Choice, Field, InForce},
    frame::Frame,
    go_to, notice,
    order::Verb,
    refused, respond,
    rows::{AlertRow, missing},
    words::State,
};
use crate::{
    database::page::Window,
    history::{History, cursor::List},
    model::{
        ids::{Fingerprint, RequestId},
        status::{AlertStatus, DispatchReason, DispatchStatus},
    },
    operator::Filter,
    stackstorm::ExecutionId,
};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

const PATH: &str = "/alerts";
/// What the page has besides the API's parameters.
const OWN: &[&str] = &["q", "range", notice::DONE];
/// Filters that choose few rows by themselves: no time range is needed.
const RARE: &[&str] = &["request_id", "fingerprint"];

#[derive(Template)]
#[template(path = "alerts.html")]
struct Alerts {
    frame: Frame,
    ranges: Vec<Choice>,
    in_force: Vec<InForce>,
    fields: Vec<Field>,
    range: String,
    open: bool,
    chips: Vec<Chip>,
    rows: Vec<AlertRow>,
    missing: Option<String>,
    everywhere: Option<String>,
    newest: Option<String>,
    older: Option<String>,
    /// Orders over the rows, for those who may give them.
    verbs: Vec<Verb>,
    /// What the list chooses, for an order over all of it.
    chosen: Vec<(String, String)>,
    /// Where an order leads back to.
    here: String,
    /// How many match, where all of them are shown.
    all: Option<usize>,
}

/// Beyond this a person no longer counts.
const MOST: u16 = 1_000;

/// A page of alerts.
pub(in crate::http) async fn list(request: HttpRequest, history: web::Data<History>) -> HttpResponse {
    let query = match Query::parse_form(&request, &[PARAMETERS, query::PAGING, OWN]) {
        Ok(query) => query,
        Err(problem) => return refused(&request, &problem),
    };
    match query.get("q") {
        Some(searched) => match found(searched, &query, &history).await {
            Ok(address) => go_to(&address),
            Err(problem) => refused(&request, &problem),
        },
        None => respond(&request, view(&request, &query, &history).await),
    }
}

async fn view(request: &HttpRequest, query: &Query, history: &History) -> Result<Alerts, Problem> {
    let range = form::range(query, RARE);
    let mut filter = filter(query)?;
    filter.from = filter.from.or(form::since(range)?);
    let chosen = chosen(query, &filter);
    // The index of states answers for a range of time, and for nothing else.
    let is_plain = chosen.iter().all(|(name, _)| matches!(name.as_str(), "dispatch_status" | "from"));
    let counts = if is_plain { history.by_status(filter.from, MOST).await? } else { Vec::new() };
    let page = history.alerts_within(filter, query.window(List::Alerts)?, form::PATIENCE).await?;
    let in_force = form::in_force(PATH, query);
    let frame = Frame::of(request, "alerts", "Alerts").with(notice::of(request, history).await);
    Ok(Alerts {
        verbs: if frame.may_order { Verb::ALL.to_vec() } else { Vec::new() },
        frame,
        ranges: form::ranges(PATH, query, range),
        open: in_force.iter().any(|filter| filter.name != "dispatch status"),
        in_force,
        fields: fields(query),
        range: range.to_owned(),
        chips: chips(query, &counts),
        rows: page.rows.iter().map(AlertRow::from).collect(),
        missing: page.execution_db.as_ref().and_then(missing),
        everywhere: (range != "all").then(|| form::with(PATH, query, "range", Some("all"))),
        chosen,
        here: form::with(PATH, query, notice::DONE, None),
        all: (page.next.is_none() && query.get("next").is_none()).then_some(page.rows.len()),
        newest: query.get("next").map(|_| form::with(PATH, query, "next", None)),
        older: page.cursor().map(|next| form::with(PATH, query, "next", Some(&next))),
    })
}

fn fields(query: &Query) -> Vec<Field> {
    vec![
        Field::text(query, "alert_name", "Alert name", "exactly"),
        Field::text(query, "instance", "Instance", "exactly"),
        Field::text(query, "severity", "Severity", "exactly"),
        Field::of(query, "status", "Alertmanager says", AlertStatus::ALL.iter().map(|word| word.as_str())),
        Field::of(query, "dispatch_status", "Dispatch status", DispatchStatus::ALL.iter().map(|word| word.as_str())),
        Field::of(query, "reason", "Reason", DispatchReason::ALL.iter().map(|word| word.as_str())),
        Field::text(query, "target", "Target", "action:pack.name"),
        Field::text(query, "route", "Route", "its name"),
        Field::text(query, "fingerprint", "Fingerprint", "16 hex digits"),
        Field::text(query, "request_id", "Request id", "of its webhook"),
        Field::text(query, "from", "From (UTC)", "2026-11-27T03:14:00Z"),
        Field::text(query, "to", "To (UTC)", "now"),
    ]
}

/// The list's filter as fields of a form. Its range is a time by now: an order is about what was shown, and not about less
/// each time that it is counted.
fn chosen(query: &Query, filter: &Filter) -> Vec<(String, String)> {
    let given = query.pairs().iter().filter(|(name, _)| PARAMETERS.contains(&name.as_str()));
    let mut fields: Vec<_> = given.cloned().collect();
    if let Some(from) = filter.from.filter(|_| query.get("from").is_none()) {
        fields.push(("from".to_owned(), from.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)));
    }
    fields
}

/// The states, as links.
fn chips(query: &Query, counts: &[(DispatchStatus, i64)]) -> Vec<Chip> {
    let chosen = query.get("dispatch_status");
    let chip = |status: Option<DispatchStatus>| {
        let word = status.map(DispatchStatus::as_str);
        let href = form::with(PATH, query, "dispatch_status", word);
        let counted = counts.iter().find(|(counted, _)| Some(*counted) == status);
        Chip::new(status.map(State::dispatch), href, word == chosen).counted(counted.map(|(_, n)| *n), MOST)
    };
    std::iter::once(None).chain(DispatchStatus::ALL.iter().copied().map(Some)).map(chip).collect()
}

/// Where the thing is that was searched for: an id is its page; a word is an alert's name if one has it, else an instance; of
/// two words the first is the name.
async fn found(searched: &str, query: &Query, history: &History) -> Result<String, Problem> {
    let given = |name: &str, value: &str| {
        let value = url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
        let rest = form::with(PATH, query, "q", None);
        let joint = if rest.contains('?') { '&' } else { '?' };
        format!("{rest}{joint}{name}={value}")
    };
    if let Some((name, instance)) = searched.split_once(char::is_whitespace) {
        return Ok(given("alert_name", name)
            + &format!(
                "&instance={}",
                url::form_urlencoded::byte_serialize(instance.trim().as_bytes()).collect::<String>()
            ));
    }
    if searched.bytes().all(|b| b.is_ascii_digit()) && searched.len() < 16 {
        return Ok(format!("{PATH}/{searched}"));
    }
    if searched.len() == 36 && RequestId::parse(searched).is_ok() {
        return Ok(format!("/requests/{searched}"));
    }
    if searched.len() == 24 && ExecutionId::parse(searched).is_ok() {
        return Ok(format!("/executions/{searched}"));
    }
    if Fingerprint::parse(searched).is_some() {
        return Ok(given("fingerprint", searched));
    }
    let named = Filter { alert_name: Some(searched.to_owned()), ..Filter::default() };
    let page = history.alerts(named, Window { limit: 1, after: None }).await?;
    Ok(given(if page.rows.is_empty() { "instance" } else { "alert_name" }, searched))
}
