//! `/audit`: who ordered what, when and why.

use super::{
    super::{
        orders::{PARAMETERS, order_filter},
        problem::Problem,
        query::{self, Query},
    },
    form::{self, Field, InForce},
    frame::Frame,
    ordered::Ordered,
    respond,
    words::Moment,
};
use crate::history::{History, cursor::List};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

const PATH: &str = "/audit";

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    in_force: Vec<InForce>,
    fields: Vec<Field>,
    orders: Vec<Row>,
    newest: Option<String>,
    older: Option<String>,
}

struct Row {
    id: String,
    order: Ordered,
    /// `API or page`, or `command line`.
    way: &'static str,
    at: Moment,
}

/// A page of orders.
pub(in crate::http) async fn list(request: HttpRequest, history: web::Data<History>) -> HttpResponse {
    respond(&request, view(&request, &history).await)
}

async fn view(request: &HttpRequest, history: &History) -> Result<Page, Problem> {
    let query = Query::parse_form(request, &[PARAMETERS, query::PAGING])?;
    let page = history.orders(order_filter(&query)?, query.window(List::Orders)?).await?;
    let row = |row: &crate::store::read::OrderRow| Row {
        id: row.id.to_string(),
        order: Ordered::of(row),
        way: if row.method == "CLI" { "command line" } else { "page or API" },
        at: Moment::clock(row.created_at),
    };
    Ok(Page {
        frame: Frame::of(request, "audit", "Audit"),
        in_force: form::in_force(PATH, &query),
        fields: vec![
            Field::text(&query, "operator", "Who", "a token’s name, exactly"),
            Field::text(&query, "from", "From (UTC)", "2026-11-27T03:14:00Z"),
            Field::text(&query, "to", "To (UTC)", "now"),
        ],
        orders: page.rows.iter().map(row).collect(),
        newest: query.get("next").map(|_| form::with(PATH, &query, "next", None)),
        older: page.cursor().map(|next| form::with(PATH, &query, "next", Some(&next))),
    })
}
