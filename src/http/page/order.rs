//! `/order`: an order over alerts. The page counts first, asks for a reason, and then gives the order that the API knows.

mod confirm;
mod draft;
mod verb;

pub(super) use verb::Verb;

use super::{
    super::{
        body::Limits,
        context::Shared,
        orders::{self, whole},
        problem::Problem,
    },
    go_to, notice, refused,
};
use crate::{history::History, operator::Done};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use confirm::Said;
use draft::Draft;

/// Counts what the order would do, and asks.
pub(in crate::http) async fn ask(
    request: HttpRequest,
    shared: web::Data<Shared>,
    history: web::Data<History>,
) -> HttpResponse {
    let asked = async {
        let draft = Draft::read(request.query_string().as_bytes())?;
        confirm::page(&request, &shared, &history, &draft, Said::default()).await
    };
    asked.await.unwrap_or_else(|problem| refused(&request, &problem))
}

/// Gives the order, or asks again and says why.
pub(in crate::http) async fn give(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    history: web::Data<History>,
    limits: web::Data<Limits>,
) -> HttpResponse {
    let given = async {
        let draft = Draft::read(&whole(&request, payload, &limits).await?)?;
        match carry_out(&request, &shared, &draft).await {
            Ok(done) => Ok(go_to(&notice::address(draft.back(), done.order))),
            Err(problem) => again(&request, &shared, &history, &draft, problem).await,
        }
    };
    given.await.unwrap_or_else(|problem| refused(&request, &problem))
}

async fn carry_out(request: &HttpRequest, shared: &Shared, draft: &Draft) -> Result<Done, Problem> {
    if draft.at_most()?.is_none() {
        return Err(Problem::BadOrder(
            "at_most is missing: an order of the page says how many alerts were seen".to_owned(),
        ));
    }
    orders::carry_out(shared, draft.order(request)?).await
}

/// What a person can mend is said on the same page, with the new number.
async fn again(
    request: &HttpRequest,
    shared: &Shared,
    history: &History,
    draft: &Draft,
    problem: Problem,
) -> Result<HttpResponse, Problem> {
    let said = match &problem {
        Problem::TooMany(_) => Said { status: StatusCode::CONFLICT, more_match: true, ..Said::default() },
        Problem::BadOrder(_) if draft.reason().is_empty() => {
            Said { status: StatusCode::BAD_REQUEST, reason_missing: true, ..Said::default() }
        }
        _ => return Err(problem),
    };
    confirm::page(request, shared, history, draft, said).await
}
