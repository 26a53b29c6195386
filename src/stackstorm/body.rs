//! Reading what was answered: bounded bodies, JSON, and a short text for people.

use super::{error::LookupError, transport::Answer};
use serde::{Deserialize, de::DeserializeOwned};

/// No answer above this is read to its end: a hundred executions with large results fit, a runaway does not.
pub(super) const MAX_BODY: usize = 16 * 1024 * 1024;

/// Why a body is not there.
#[derive(Debug, Clone)]
pub(super) enum BodyError {
    /// The connection ended, or time was up, within the body.
    Broken(String),
    /// More than [`MAX_BODY`].
    TooLarge,
}

/// Reads a body to its end, or to the limit.
pub(super) async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY => return Err(BodyError::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(BodyError::Broken(super::transport::describe(&error.without_url()))),
        }
    }
}

/// The body as `T`.
pub(super) fn json<T: DeserializeOwned>(answer: &Answer) -> Result<T, LookupError> {
    match &answer.body {
        Ok(body) => serde_json::from_slice(body).map_err(|error| LookupError::Unreadable(error.to_string())),
        Err(BodyError::TooLarge) => Err(LookupError::TooLarge { limit: MAX_BODY }),
        Err(BodyError::Broken(message)) => Err(LookupError::Unavailable(message.clone())),
    }
}

#[derive(Deserialize)]
struct Fault {
    faultstring: String,
}

/// StackStorm's `faultstring`; `None` when somebody else (a proxy, gunicorn) answered, or there is none.
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

/// A 401 for an unknown key holds its hash: no secret, but nothing to spread either.
fn hide_key_hash(words: &str) -> String {
    let Some((before, after)) = words.split_once("key_hash=") else { return words.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    format!("{before}key_hash=…{rest}")
}

fn without_tags(page: &str) -> String {
    let mut inside = false;
    let text = page.chars().filter_map(|c| match c {
        '<' => {
            inside = true;
            Some(' ')
        }
        '>' if inside => {
            inside = false;
            None
        }
        _ => (!inside).then_some(c),
    });
    text.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One line of at most 500 characters.
pub(super) fn shorten(text: &str) -> String {
    const LIMIT: usize = 500;
    let mut line: String = text.chars().take(LIMIT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LIMIT).is_some() {
        line.push('…');
    }
    line
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
    fn a_fault_is_one_short_line_in_stackstorms_own_words() {
        assert_eq!(
            said(400, r#"{"faultstring":"Action \"nope.nope\" cannot be found."}"#),
            r#"400 Bad Request: Action "nope.nope" cannot be found."#
        );
        assert_eq!(said(500, "{\"faultstring\":\"a\\nb\"}"), "500 Internal Server Error: a b");
        assert!(said(400, &format!(r#"{{"faultstring":"{}"}}"#, "é".repeat(9000))).chars().count() <= 501);
        assert_eq!(said(503, ""), "503 Service Unavailable");
    }

    #[test]
    fn the_page_of_a_proxy_is_told_without_its_tags() {
        let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><hr>nginx</body></html>";
        assert_eq!(said(502, page), "502 Bad Gateway: 502 Bad Gateway nginx");
    }

    #[test]
    fn the_hash_of_a_refused_key_is_not_repeated() {
        let body = r#"{"faultstring":"Unauthorized - ApiKey with key_hash=ab12cd34 not found."}"#;
        assert_eq!(said(401, body), "401 Unauthorized: Unauthorized - ApiKey with key_hash=… not found.");
    }
}
