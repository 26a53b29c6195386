//! The result of an order, on the page that it led back to. The address names the order's row, and what is shown comes from the
//! row: an address that somebody else wrote cannot say anything untrue.

use super::{ordered::Ordered, words::State};
use crate::{history::History, model::ids::ApiCallId};
use actix_web::HttpRequest;

/// The parameter.
pub(super) const DONE: &str = "done";

/// What an order did.
pub(super) struct Notice {
    pub(super) class: &'static str,
    pub(super) state: State,
    pub(super) text: String,
}

/// A page's address with the order that led there.
pub(super) fn address(back: &str, order: Option<ApiCallId>) -> String {
    let Some(id) = order else { return back.to_owned() };
    let (path, query) = back.split_once('?').unwrap_or((back, ""));
    let kept = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != DONE);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair(DONE, &id.to_string())
        .finish();
    format!("{path}?{query}")
}

/// The notice that the address asks for. A page is shown without one that cannot be read.
pub(super) async fn of(request: &HttpRequest, history: &History) -> Option<Notice> {
    let mut asked = url::form_urlencoded::parse(request.query_string().as_bytes());
    let id = asked.find(|(name, _)| name == DONE)?.1.parse().ok()?;
    let order = history.order(ApiCallId(id)).await.ok()??;
    let ordered = Ordered::of(&order);
    let class = if ordered.is_done { "ok" } else { "hold" };
    let reason = if ordered.reason.is_empty() { String::new() } else { format!(" “{}”", ordered.reason) };
    let text = format!("{}, {}, by {}.{reason}", ordered.which, ordered.result, ordered.by);
    Some(Notice { class, state: State::new(class, ordered.what), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_one_order_and_keeps_the_rest() {
        let id = Some(ApiCallId(7));
        assert_eq!(address("/alerts?range=1h&done=3&alert_name=A+b", id), "/alerts?range=1h&alert_name=A+b&done=7");
        assert_eq!(address("/", id), "/?done=7");
        assert_eq!(address("/alerts/5", None), "/alerts/5");
    }
}
