//! The operator page: what a person who was woken looks at. Server-rendered, readable without JavaScript, nothing from
//! elsewhere; it does nothing that the API cannot, and asks the same functions.
//!
//! Each page is a file with a handler, a view of plain texts and a template of the same name in `templates`. [`frame`] is what
//! all pages share, [`words`] how states and times are shown.

mod acts;
pub(super) mod alert;
mod alert_guards;
pub(super) mod alerts;
pub(super) mod approvals;
pub(super) mod assets;
pub(super) mod audit;
mod chart;
mod chip;
pub(super) mod doctor;
pub(super) mod execution;
pub(super) mod executions;
mod force;
mod form;
mod frame;
mod limits;
pub(super) mod login;
mod meter;
mod notice;
pub(super) mod now;
pub(super) mod order;
mod ordered;
pub(super) mod pause;
pub(super) mod request;
pub(super) mod resume;
pub(super) mod routes;
mod rows;
pub(super) mod shown;
mod stations;
pub(super) mod stats;
pub(super) mod strip;
mod timeline;
mod try_alert;
mod verdict;
mod words;

pub(super) use login::Logins;

use super::problem::Problem;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header};
use askama::Template;
use frame::Frame;

/// Why a page is not shown.
#[derive(Template)]
#[template(path = "problem.html")]
struct Refused {
    frame: Frame,
    heading: &'static str,
    detail: String,
    missing: bool,
}

/// A page, or why there is none.
fn respond(request: &HttpRequest, page: Result<impl Template, Problem>) -> HttpResponse {
    match page.and_then(|page| page.render().map_err(|error| Problem::Internal(error.into()))) {
        Ok(text) => html(StatusCode::OK, text),
        Err(problem) => refused(request, &problem),
    }
}

/// A problem as a page. Who is not signed in is sent to where that is done, and comes back.
pub(super) fn refused(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    if matches!(problem, Problem::NoToken | Problem::WrongToken) {
        return login::redirect(request);
    }
    let (mut response, status, detail) = problem.for_people();
    let heading = match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::BAD_REQUEST => "This cannot be shown",
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => "Not allowed",
        StatusCode::SERVICE_UNAVAILABLE => "Not available now",
        _ => "Something went wrong",
    };
    let missing = status == StatusCode::NOT_FOUND;
    let page = Refused { frame: Frame::of(request, "", heading), heading, detail, missing };
    let text = page.render().unwrap_or_default();
    response.insert_header(header::ContentType::html()).body(text)
}

fn html(status: StatusCode, text: String) -> HttpResponse {
    HttpResponse::build(status).insert_header(header::ContentType::html()).body(text)
}

/// To another page, after a POST or for a better address.
fn go_to(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish()
}
