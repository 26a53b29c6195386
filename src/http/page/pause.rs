//! `/pause`: stops everything, a route, or what some labels match, for a while.

use super::{
    super::{
        body::Limits,
        context::Shared,
        orders::{source, who, whole},
        pauses,
        problem::Problem,
        query::{self, Query},
    },
    frame::Frame,
    go_to, html,
    login::here,
    notice, refused,
};
use crate::{
    history::History,
    model::{
        matcher::Matchers,
        pause::{Scope, ScopeInBody},
    },
    operator::{self, Length, NewPause},
    store::operate::author::Author,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

const FIELDS: &[&str] = &["scope", "route", "matchers", "for", "why", "back"];
/// How long; one hour when nothing is said.
const LENGTHS: [(&str, &str); 4] = [("15m", "15 min"), ("1h", "1 h"), ("4h", "4 h"), ("24h", "24 h")];

#[derive(Template)]
#[template(path = "pause.html")]
struct Page {
    frame: Frame,
    scope: String,
    route: String,
    matchers: String,
    lengths: &'static [(&'static str, &'static str)],
    length: String,
    reason: String,
    routes: Vec<String>,
    back: String,
    error: String,
}

/// Asks what, for how long and why.
pub(in crate::http) async fn ask(request: HttpRequest, history: web::Data<History>) -> HttpResponse {
    let page = async {
        let query = Query::parse_form(&request, &[FIELDS])?;
        show(&request, &history, &query, StatusCode::OK, String::new()).await
    };
    page.await.unwrap_or_else(|problem: Problem| refused(&request, &problem))
}

/// Begins the pause, or asks again and says why.
pub(in crate::http) async fn begin(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    history: web::Data<History>,
    limits: web::Data<Limits>,
) -> HttpResponse {
    let given = async {
        let query = Query::form(&whole(&request, payload, &limits).await?, &[FIELDS])?;
        match carry_out(&request, &shared, &query).await {
            Ok(address) => Ok(go_to(&address)),
            Err(Problem::BadOrder(why)) => show(&request, &history, &query, StatusCode::BAD_REQUEST, why).await,
            Err(problem) => Err(problem),
        }
    };
    given.await.unwrap_or_else(|problem: Problem| refused(&request, &problem))
}

async fn carry_out(request: &HttpRequest, shared: &Shared, query: &Query) -> Result<String, Problem> {
    let length = query.get("for").map(operator::parse_length).transpose();
    let length = length.map_err(|error| Problem::BadOrder(format!("The length: {error}.")))?;
    let author = Author { by: who(request), reason: query.text("why").unwrap_or_default() };
    let length = length.map(Length::For);
    let new = NewPause { scope: scope(query)?, length, author, source: source(request, "POST") };
    let paused = operator::pause(&shared.store, new).await.map_err(pauses::refused)?;
    Ok(notice::address(back(query), Some(paused.pause.id)))
}

fn scope(query: &Query) -> Result<Scope, Problem> {
    let matchers =
        |text: &str| Matchers::parse(text).map_err(|error| Problem::BadOrder(format!("The labels: {error}.")));
    let body = match query.get("scope") {
        Some("everything") => ScopeInBody { everything: Some(true), ..ScopeInBody::default() },
        Some("route") => ScopeInBody { route: query.text("route"), ..ScopeInBody::default() },
        Some("matchers") => {
            let matchers = query.get("matchers").map(matchers).transpose()?;
            ScopeInBody { matchers, ..ScopeInBody::default() }
        }
        _ => return Err(query::bad("scope", "write everything, route or matchers")),
    };
    let missing = "Say which: the name of the route, or at least one matcher.";
    Scope::try_from(body).map_err(|_no_scope| Problem::BadOrder(missing.to_owned()))
}

fn back(query: &Query) -> &str {
    here(query.get("back").unwrap_or("/"))
}

async fn show(
    request: &HttpRequest,
    history: &History,
    query: &Query,
    status: StatusCode,
    error: String,
) -> Result<HttpResponse, Problem> {
    let guards = history.held().await?;
    let text = |name: &str| query.text(name).unwrap_or_default();
    let guess = if query.get("route").is_some() { "route" } else { "everything" };
    let page = Page {
        frame: Frame::of(request, "now", "Pause").still(),
        scope: query.get("scope").unwrap_or(guess).to_owned(),
        route: text("route"),
        matchers: text("matchers"),
        lengths: &LENGTHS,
        length: query.get("for").unwrap_or("1h").to_owned(),
        reason: text("why"),
        routes: guards.routes.into_iter().filter_map(|route| route.route).collect(),
        back: back(query).to_owned(),
        error,
    };
    Ok(html(status, page.render().map_err(|error| Problem::Internal(error.into()))?))
}
