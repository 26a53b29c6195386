//! `GET /api/v1/alerts` and `/api/v1/alerts/{id}`: a filtered page of alerts, and one alert with its whole story.

use super::{problem::Problem, query};
use crate::{
    history::{History, cursor::List},
    model::ids::Fingerprint,
    operator::Filter,
};
use actix_web::{HttpRequest, HttpResponse, web};

/// The list's parameters, besides `limit` and `next`: the fields of a replay's filter.
pub(super) const PARAMETERS: &[&str] = &[
    "request_id",
    "dispatch_status",
    "reason",
    "alert_name",
    "fingerprint",
    "severity",
    "instance",
    "status",
    "target",
    "route",
    "from",
    "to",
];

/// A page of alerts.
pub(super) async fn list(request: HttpRequest, history: web::Data<History>) -> Result<HttpResponse, Problem> {
    let query = query::Query::parse(&request, &[PARAMETERS, query::PAGING])?;
    Ok(query::answer(&request, &history.alerts(filter(&query)?, query.window(List::Alerts)?).await?))
}

/// What the parameters choose.
pub(super) fn filter(query: &query::Query) -> Result<Filter, Problem> {
    Ok(Filter {
        ids: None,
        request_id: query.request_id()?,
        dispatch_status: query.parsed("dispatch_status")?,
        reason: query.parsed("reason")?,
        alert_name: query.text("alert_name"),
        fingerprint: query.read("fingerprint", |text| {
            Fingerprint::parse(text).map(|found| found.to_string()).ok_or("16 hex digits in lower case")
        })?,
        severity: query.text("severity"),
        instance: query.text("instance"),
        status: query.parsed("status")?,
        target: query.text("target"),
        route: query.text("route"),
        from: query.time("from")?,
        to: query.time("to")?,
    })
}

/// An alert's whole story.
pub(super) async fn one(
    path: web::Path<String>,
    request: HttpRequest,
    history: web::Data<History>,
) -> Result<HttpResponse, Problem> {
    query::Query::parse(&request, &[])?;
    let id = query::alert_id("id", &path)?;
    let found = history.alert(id).await?;
    let alert = found.ok_or_else(|| Problem::NoSuch { what: "alert", id: id.to_string() })?;
    Ok(HttpResponse::Ok().json(alert))
}
