//! The page that asks before an order: how many alerts, which ones, and what follows.

use super::{
    super::{
        super::{context::Shared, orders, problem::Problem},
        frame::Frame,
        html,
        words::count,
    },
    Draft, Verb,
};
use crate::{
    history::{Effect, History},
    operator::Done,
    store::operate::preview::Preview,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use askama::Template;

/// Why the page is shown again.
pub(super) struct Said {
    pub(super) status: StatusCode,
    /// More match than when it was shown first.
    pub(super) more_match: bool,
    pub(super) reason_missing: bool,
}

impl Default for Said {
    fn default() -> Self {
        Self { status: StatusCode::OK, more_match: false, reason_missing: false }
    }
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct Page {
    frame: Frame,
    verb: Verb,
    word: String,
    /// `396 alerts`
    alerts: String,
    matched: usize,
    chosen: i64,
    left: i64,
    refused: usize,
    fields: Vec<(String, String)>,
    ids: Vec<String>,
    kept: Vec<(String, String)>,
    routes: Vec<(Option<String>, i64)>,
    effects: Vec<Effect>,
    follows: &'static str,
    moves: &'static str,
    reason: String,
    seen: Option<usize>,
    oldest: String,
    include_dispatched: bool,
    accept_unknown: bool,
    back: String,
    command: String,
    said: Said,
}

/// Counts, and shows the numbers.
pub(super) async fn page(
    request: &HttpRequest,
    shared: &Shared,
    history: &History,
    draft: &Draft,
    said: Said,
) -> Result<HttpResponse, Problem> {
    let counted = orders::carry_out(shared, draft.dry_run(request)?).await?;
    let preview = history.preview(draft.filter.clone(), draft.what()).await?;
    let effects = history.effect(draft.filter.clone(), draft.what()).await?.unwrap_or_default();
    let status = said.status;
    let page = view(request, draft, &counted, (preview, effects), said)?;
    Ok(html(status, page.render().map_err(|error| Problem::Internal(error.into()))?))
}

fn view(
    request: &HttpRequest,
    draft: &Draft,
    done: &Done,
    (preview, effects): (Preview, Vec<Effect>),
    said: Said,
) -> Result<Page, Problem> {
    let Done { matched, refused, .. } = *done;
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let alerts = count(number(matched), "alert");
    let ids = draft.filter.ids.as_deref().unwrap_or_default();
    Ok(Page {
        frame: Frame::of(request, "alerts", format!("{} {alerts}", draft.verb.name())).still(),
        verb: draft.verb,
        word: draft.verb.word(),
        alerts,
        matched,
        chosen: preview.chosen,
        left: (preview.chosen - number(matched) - number(refused)).max(0),
        refused,
        fields: draft.fields(),
        ids: ids.iter().map(ToString::to_string).collect(),
        kept: draft.kept(),
        effects,
        routes: if draft.oldest()?.is_none() { preview.routes } else { Vec::new() },
        follows: draft.verb.follows(),
        moves: draft.verb.moves(),
        reason: draft.reason(),
        seen: draft.at_most()?,
        oldest: draft.oldest()?.map(|n| n.to_string()).unwrap_or_default(),
        include_dispatched: draft.is_ticked("include_dispatched"),
        accept_unknown: draft.is_ticked("accept_unknown"),
        back: draft.back().to_owned(),
        command: command(draft),
        said,
    })
}

/// The same on the command line.
fn command(draft: &Draft) -> String {
    let quoted = |value: &str| format!("'{}'", value.replace('\'', r"'\''"));
    let ids = draft.filter.ids.as_deref().unwrap_or_default();
    let ids = ids.iter().map(|id| format!("--id {id}"));
    let fields = draft.fields().into_iter().map(|(name, value)| {
        let flag = if name == "reason" { "dispatch-reason".to_owned() } else { name.replace('_', "-") };
        format!("--{flag} {}", quoted(&value))
    });
    let ticked = ["include_dispatched", "accept_unknown"].into_iter().filter(|name| draft.is_ticked(name));
    let ticked = ticked.map(|name| format!("--{}", name.replace('_', "-")));
    let parts: Vec<String> = ids.chain(fields).chain(ticked).collect();
    format!("poundcake {} {} --reason '…'", draft.verb.word(), parts.join(" "))
}
