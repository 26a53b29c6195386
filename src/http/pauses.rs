//! `/api/v1/pauses`: begin one, list those in force, resume one.

use super::{
    body::Limits,
    context::Shared,
    orders::{read, source, who},
    problem::Problem,
    query,
};
use crate::{
    database::Database,
    model::{
        ids::ApiCallId,
        matcher::Matchers,
        pause::{Pause, ScopeInBody},
    },
    operator::{self, Length, NewPause, PauseError},
    store::operate::{author::Author, pauses},
};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    #[serde(default)]
    everything: Option<bool>,
    #[serde(default)]
    route: Option<String>,
    #[serde(default)]
    matchers: Option<Matchers>,
    reason: String,
    #[serde(default)]
    r#for: Option<String>,
    #[serde(default)]
    until: Option<DateTime<Utc>>,
}

impl Order {
    fn length(&self) -> Result<Option<Length>, Problem> {
        match (&self.r#for, self.until) {
            (Some(_), Some(_)) => Err(Problem::BadOrder("write for or until, not both".to_owned())),
            (Some(text), None) => {
                let length = operator::parse_length(text);
                length
                    .map(|length| Some(Length::For(length)))
                    .map_err(|error| Problem::BadOrder(format!("for: {error}")))
            }
            (None, until) => Ok(until.map(Length::Until)),
        }
    }
}

/// Pauses in force, oldest first.
pub(super) async fn list(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    query::Query::parse(&request, &[])?;
    Ok(HttpResponse::Ok().json(json!({ "pauses": in_force(&shared.store).await? })))
}

/// Those in force.
pub(super) async fn in_force(store: &Database) -> Result<Vec<Pause>, Problem> {
    Ok(store.run(pauses::in_force).await?)
}

/// Begins a pause.
pub(super) async fn begin(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, Problem> {
    let order: Order = read(&request, payload, &limits).await?;
    let length = order.length()?;
    let scope = ScopeInBody { everything: order.everything, route: order.route, matchers: order.matchers };
    let scope = scope.try_into().map_err(|error: crate::model::pause::NoScope| Problem::BadOrder(error.to_string()))?;
    let author = Author { by: who(&request), reason: order.reason };
    let new = NewPause { scope, length, author, source: source(&request, "POST") };
    let paused = operator::pause(&shared.store, new).await.map_err(refused)?;
    Ok(HttpResponse::Created().json(paused))
}

/// Why a pause does not begin.
pub(super) fn refused(error: PauseError) -> Problem {
    match error {
        PauseError::Database(error) => error.into(),
        PauseError::NoReason | PauseError::Length => Problem::BadOrder(error.to_string()),
    }
}

/// Ends a pause now.
pub(super) async fn resume(
    path: web::Path<String>,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    query::Query::parse(&request, &[])?;
    let id = ApiCallId(query::row_id("id", &path)?);
    let author = Author { by: who(&request), reason: String::new() };
    let ended = operator::resume(&shared.store, id, author, source(&request, "DELETE")).await?;
    let pause = ended.ok_or_else(|| Problem::NoSuch { what: "pause in force", id: id.to_string() })?;
    Ok(HttpResponse::Ok().json(pause))
}
