//! Which headers of a webhook are stored (`poundcake_api_calls.headers`): none that carries credentials or cookies.

use super::truncate::column;
use std::collections::BTreeMap;

/// The sender's own id of its request.
pub const CLIENT_REQUEST_ID: &str = "x-request-id";
const KEPT: [&str; 8] = [
    "content-length",
    "content-type",
    "host",
    "traceparent",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-proto",
    CLIENT_REQUEST_ID,
];
const LENGTH: usize = 1_000;

/// Those of the headers (names in lower case) that are stored, their values cut.
pub fn kept<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    let allowed = headers.into_iter().filter(|(name, _)| KEPT.contains(name));
    allowed.map(|(name, value)| (name.to_owned(), column(value, LENGTH).into_owned())).collect()
}
