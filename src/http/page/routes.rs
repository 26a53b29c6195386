//! `/routes`: which limit is full, and what a route did in the last day; what would happen to an alert.

use super::{
    super::{problem::Problem, query::Query},
    frame::Frame,
    limits::{self, Limit},
    notice, respond,
    shown::Shown,
    try_alert::{self, Tried},
    words::Moment,
};
use crate::{
    dispatcher::routing::{route::Route, table::RouteTable},
    history::{History, RoutesUse},
    model::{guards::Mode, pause::Pause},
    store::read::Guards,
};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

#[derive(Template)]
#[template(path = "routes.html")]
struct Page {
    frame: Frame,
    /// Why the file's routes are not shown.
    problem: Option<String>,
    has_file: bool,
    all: Option<Limit>,
    held: i64,
    rows: Vec<Row>,
    labels: String,
    tried: Option<Tried>,
}

/// One route.
pub(super) struct Row {
    pub(super) name: String,
    name_in_address: String,
    /// Its place in the file; 0 for one that only rows know.
    number: usize,
    mode: &'static str,
    priority: i32,
    matches: String,
    target: String,
    limits: Vec<Limit>,
    note: &'static str,
    tally: Vec<(&'static str, String, Option<String>)>,
    paused: Option<Moment>,
    is_paused: bool,
    can_be_released: bool,
}

/// The routes.
pub(in crate::http) async fn show(
    request: HttpRequest,
    history: web::Data<History>,
    shown: web::Data<Shown>,
) -> HttpResponse {
    respond(&request, view(&request, &history, &shown).await)
}

async fn view(request: &HttpRequest, history: &History, shown: &Shown) -> Result<Page, Problem> {
    let query = Query::parse_form(request, &[&["labels", notice::DONE]])?;
    let guards = history.held().await?;
    let (table, problem) = match shown.routes().await {
        Some(Ok(routes)) => (Some(routes.table()), None),
        Some(Err(error)) => (None, Some(format!("{error:#}"))),
        None => (None, None),
    };
    let labels = query.text("labels").unwrap_or_default();
    let tried = table.as_deref().filter(|_| !labels.is_empty()).map(|table| try_alert::of(&labels, table, shown));
    let asked = table.as_deref().map_or_else(|| limits::of_rows(&guards), limits::of_table);
    let used = history.routes(asked).await?;
    let held = guards.routes.iter().flat_map(|route| &route.held).map(|held| held.rows).sum();
    Ok(Page {
        frame: Frame::of(request, "routes", "Routes").with(notice::of(request, history).await),
        problem,
        has_file: shown.routes.is_some(),
        all: table.as_deref().and_then(RouteTable::max_in_flight).map(|most| Limit::places(used.all_places, most)),
        held,
        rows: rows(table.as_deref(), &guards, &used),
        labels,
        tried,
    })
}

fn rows(table: Option<&RouteTable>, guards: &Guards, used: &RoutesUse) -> Vec<Row> {
    let Some(table) = table else {
        let names = guards.routes.iter().filter_map(|route| route.route.as_deref());
        return names.zip(&used.routes).map(|(name, now)| of_rows(name, guards, used, now)).collect();
    };
    let numbered = table.routes().iter().zip(&used.routes).enumerate();
    numbered.map(|(index, (route, now))| of_file(index + 1, route, guards, used, now)).collect()
}

fn of_file(
    number: usize,
    route: &Route,
    guards: &Guards,
    used: &RoutesUse,
    now: &crate::store::read::route_use::RouteUse,
) -> Row {
    let (mode, note) = match route.guards.mode {
        Mode::Run => ("run", ""),
        Mode::Approve => ("approve", ""),
        Mode::Shadow => ("shadow", "Nothing is run; what would have been sent is kept with each alert."),
        Mode::Off => ("off", "Its alerts are skipped as route_off."),
    };
    let limits = limits::of_route(route, guards, now);
    Row {
        number,
        mode,
        priority: route.guards.priority,
        matches: route.matchers.to_string(),
        target: route.target.to_string(),
        note: if note.is_empty() && limits.is_empty() { "No limits of its own." } else { note },
        limits,
        ..of_rows(&route.name, guards, used, now)
    }
}

/// What the rows say of a route, whatever the file says.
fn of_rows(name: &str, guards: &Guards, used: &RoutesUse, now: &crate::store::read::route_use::RouteUse) -> Row {
    let of_route = guards.routes.iter().find(|route| route.route.as_deref() == Some(name));
    let held: i64 = of_route.map_or(0, |route| route.held.iter().map(|held| held.rows).sum());
    let failed = used.failed.iter().find(|(route, _)| route.as_deref() == Some(name)).map_or(0, |(_, n)| *n);
    let pause = guards.pauses.iter().find(|pause: &&Pause| pause.covers_route(name));
    let ended = now.day.succeeded + now.day.failed;
    let link = |filter: &str| Some(format!("/alerts?route={}&{filter}", form_value(name)));
    let mut tally = vec![
        ("started", now.day.started.to_string(), None),
        ("held now", held.to_string(), link("dispatch_status=held&range=all").filter(|_| held > 0)),
        ("failed", failed.to_string(), link("dispatch_status=failed&range=24h").filter(|_| failed > 0)),
    ];
    if ended > 0 {
        tally.push(("succeeded", format!("{} of {ended}", now.day.succeeded), None));
    }
    Row {
        name: name.to_owned(),
        name_in_address: form_value(name),
        number: 0,
        mode: "",
        priority: 0,
        matches: String::new(),
        target: String::new(),
        limits: limits::of_held(name, guards),
        note: "",
        tally,
        paused: pause.and_then(|pause| pause.until).map(Moment::clock),
        is_paused: pause.is_some(),
        can_be_released: of_route.is_some_and(limits::can_be_released),
    }
}

/// A value in an address.
pub(super) fn form_value(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
