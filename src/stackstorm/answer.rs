//! Reads answers: JSON, StackStorm's `faultstring`, and a short text for people.

use super::{
    exchange::{Answer, BodyError, MAX_BODY},
    words::{hide_key_hash, shorten, without_tags},
};
use serde::{Deserialize, de::DeserializeOwned};

/// Why a body is not the expected object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReadError {
    /// The body is not the JSON of this object.
    Unreadable(String),
    /// The body was cut off.
    Broken(String),
    /// More than [`MAX_BODY`].
    TooLarge,
}

/// The body as `T`.
pub(super) fn json<T: DeserializeOwned>(answer: &Answer) -> Result<T, ReadError> {
    match &answer.body {
        Ok(body) => serde_json::from_slice(body).map_err(|error| ReadError::Unreadable(error.to_string())),
        Err(BodyError::TooLarge) => Err(ReadError::TooLarge),
        Err(BodyError::Broken(message)) => Err(ReadError::Broken(message.clone())),
    }
}

#[derive(Deserialize)]
struct Fault {
    faultstring: String,
}

/// StackStorm's `faultstring`; `None` when a proxy or gunicorn answered, or there is none.
pub(super) fn faultstring(answer: &Answer) -> Option<String> {
    let body = answer.body.as_ref().ok()?;
    serde_json::from_slice(body).ok().map(|fault: Fault| fault.faultstring)
}

/// What st2api says of a route that it does not have: `ST2_API_URL` is wrong.
pub(super) const UNKNOWN_ROUTE: &str = "The resource could not be found.";
/// The words of StackStorm's stock nginx site for a 502 of st2api, in StackStorm's JSON form: st2api did not write them.
const STOCK_NGINX: &str = "Nginx is unable to reach";

/// The `faultstring` of an error that st2api itself answered: with our id, and in StackStorm's JSON form.
pub(super) fn own_fault(answer: &Answer) -> Option<String> {
    // The stock site's page has no id of ours; one that was told to add it still says whose page it is.
    faultstring(answer).filter(|words| answer.echoed && !words.starts_with(STOCK_NGINX))
}

/// What an answer says, in one line for `dispatch_error`: StackStorm's words, or what a page looks like without its tags.
pub(super) fn fault(answer: &Answer) -> String {
    let text = match (faultstring(answer), &answer.body) {
        (Some(words), _) => hide_key_hash(&words),
        (None, Ok(body)) => without_tags(&String::from_utf8_lossy(&body[..body.len().min(4096)])),
        (None, Err(BodyError::Broken(message))) => message.clone(),
        (None, Err(BodyError::TooLarge)) => format!("body larger than {MAX_BODY} bytes"),
    };
    shorten(format!("{}: {text}", answer.status).trim_end_matches([':', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    fn said(status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        fault(&Answer { status, echoed: true, date: None, total: None, body: Ok(body.as_bytes().to_vec()) })
    }

    #[test]
    fn an_error_is_one_short_line_in_stackstorms_own_words() {
        assert_eq!(
            said(400, r#"{"faultstring":"Action \"nope.nope\" cannot be found."}"#),
            r#"400 Bad Request: Action "nope.nope" cannot be found."#
        );
        assert_eq!(said(500, "{\"faultstring\":\"a\\nb\"}"), "500 Internal Server Error: a b");
        assert!(said(400, &format!(r#"{{"faultstring":"{}"}}"#, "é".repeat(9000))).chars().count() <= 501);
        assert_eq!(said(503, ""), "503 Service Unavailable");
    }

    #[test]
    fn the_error_page_of_a_proxy_is_reported_without_tags() {
        let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><hr>nginx</body></html>";
        assert_eq!(said(502, page), "502 Bad Gateway: 502 Bad Gateway nginx");
    }

    #[test]
    fn the_hash_of_a_refused_key_is_not_repeated() {
        let body = r#"{"faultstring":"Unauthorized - ApiKey with key_hash=ab12cd34 not found."}"#;
        assert_eq!(said(401, body), "401 Unauthorized: Unauthorized - ApiKey with key_hash=… not found.");
    }
}
