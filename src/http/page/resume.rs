//! `/resume`: ends a pause before its time.

use super::{
    super::{
        body::Limits,
        context::Shared,
        orders::{source, who, whole},
        pauses::in_force,
        problem::Problem,
        query::{self, BOX, Query},
    },
    frame::Frame,
    go_to, html,
    login::here,
    notice, refused,
    words::Moment,
};
use crate::{model::ids::ApiCallId, operator, store::operate::author::Author};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;

const FIELDS: &[&str] = &[BOX, "why", "back"];

#[derive(Template)]
#[template(path = "resume.html")]
struct Page {
    frame: Frame,
    id: String,
    what: String,
    by: String,
    reason: String,
    since: Moment,
    until: Option<Moment>,
    back: String,
}

/// Shows the pause, and asks.
pub(in crate::http) async fn ask(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let page = async {
        let query = Query::parse_form(&request, &[FIELDS])?;
        let id = id(&query)?;
        let pauses = in_force(&shared.store).await?;
        let pause = pauses.into_iter().find(|pause| pause.id == id).ok_or_else(|| none(id))?;
        let page = Page {
            frame: Frame::of(&request, "now", "Resume").still(),
            id: id.to_string(),
            what: pause.scope.to_string(),
            by: pause.operator,
            reason: pause.reason,
            since: Moment::clock(pause.since),
            until: pause.until.map(Moment::clock),
            back: back(&query).to_owned(),
        };
        Ok(html(StatusCode::OK, page.render().map_err(|error| Problem::Internal(error.into()))?))
    };
    page.await.unwrap_or_else(|problem: Problem| refused(&request, &problem))
}

/// Ends it.
pub(in crate::http) async fn end(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    limits: web::Data<Limits>,
) -> HttpResponse {
    let ended = async {
        let query = Query::form(&whole(&request, payload, &limits).await?, &[FIELDS])?;
        let id = id(&query)?;
        let author = Author { by: who(&request), reason: query.text("why").unwrap_or_default() };
        let ended = operator::resume(&shared.store, id, author, source(&request, "DELETE")).await?;
        let _pause = ended.ok_or_else(|| none(id))?;
        Ok(go_to(&notice::address(back(&query), Some(id))))
    };
    ended.await.unwrap_or_else(|problem: Problem| refused(&request, &problem))
}

fn id(query: &Query) -> Result<ApiCallId, Problem> {
    let text = query.get(BOX).ok_or_else(|| query::bad(BOX, "say which pause"))?;
    Ok(ApiCallId(query::row_id(BOX, text)?))
}

fn none(id: ApiCallId) -> Problem {
    Problem::NoSuch { what: "pause in force", id: id.to_string() }
}

fn back(query: &Query) -> &str {
    here(query.get("back").unwrap_or("/"))
}
