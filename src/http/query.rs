//! Parses the query string of a GET strictly: each parameter must be known, given once and valid, or the answer is a 400 that
//! names it.

use super::problem::Problem;
use crate::{
    database::page::Window,
    history::{
        Listing,
        cursor::{self, List},
    },
    model::ids::{AlertId, RequestId},
};
use actix_web::{HttpRequest, HttpResponse, http::header};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::{fmt::Display, str::FromStr};

/// Rows on a page when nothing is said, and at most.
const LIMIT: u16 = 50;
const LIMITS: std::ops::RangeInclusive<u16> = 1..=500;
/// How far a name may be from the one that was meant.
const NEAR: usize = 4;

/// What a form may send more than once: the ids of the rows that are selected.
pub(super) const BOX: &str = "id";
/// What [`Query::window`] reads.
pub(super) const PAGING: &[&str] = &["limit", "next"];
/// What a request id is.
pub(super) const REQUEST_ID: &str = "a request id is a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057, or as the older installation wrote it: 1 to 36 ASCII letters, digits or -_.:+=@";

/// The parameters that were given.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them; one that is not `known` or is given twice is a problem.
    pub(super) fn parse(request: &HttpRequest, known: &[&[&'static str]]) -> Result<Self, Problem> {
        Self::read_pairs(request.query_string().as_bytes(), known)
    }

    fn read_pairs(text: &[u8], known: &[&[&'static str]]) -> Result<Self, Problem> {
        let known: Vec<&str> = known.iter().flat_map(|names| names.iter().copied()).collect();
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(text).into_owned() {
            if !known.contains(&name.as_str()) {
                return Err(unknown(&name, &known));
            }
            if name != BOX && pairs.iter().any(|(other, _)| *other == name) {
                return Err(bad(&name, "given twice; one value is looked for"));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// The same of a form, which sends its empty fields too.
    pub(super) fn parse_form(request: &HttpRequest, known: &[&[&'static str]]) -> Result<Self, Problem> {
        Self::form(request.query_string().as_bytes(), known)
    }

    /// A form, from a query string or a body.
    pub(super) fn form(text: &[u8], known: &[&[&'static str]]) -> Result<Self, Problem> {
        let Self(mut pairs) = Self::read_pairs(text, known)?;
        for (_, value) in &mut pairs {
            *value = value.trim().to_owned();
        }
        pairs.retain(|(_, value)| !value.is_empty());
        Ok(Self(pairs))
    }

    /// What was given, in order.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// A text as it is.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A value that its type can read.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.read(name, T::from_str)
    }

    /// A value that `read` can read.
    pub(super) fn read<T, E: Display>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        self.get(name).map(read).transpose().map_err(|error| bad(name, error))
    }

    /// RFC 3339, as the database can compare it: to the microsecond, without leap seconds.
    pub(super) fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        self.read(name, |text| {
            let time = DateTime::parse_from_rfc3339(text).ok();
            time.and_then(|time| DateTime::from_timestamp_micros(time.timestamp_micros())).ok_or_else(|| {
                // A time like `1h` would be another one on each page of a list.
                format!("{text:?} is not an RFC 3339 time; write 2026-11-22T01:00:00Z, and %2B for the + of an offset")
            })
        })
    }

    /// `request_id`.
    pub(super) fn request_id(&self) -> Result<Option<RequestId>, Problem> {
        self.read("request_id", |text| RequestId::parse(text).map_err(|_not_an_id| REQUEST_ID))
    }

    /// `limit` and `next`; `list` is the list whose cursors are meant.
    pub(super) fn window(&self, list: List) -> Result<Window, Problem> {
        let limit = self.read("limit", |text| {
            let limit: Option<u16> = text.parse().ok();
            limit
                .filter(|limit| LIMITS.contains(limit))
                .ok_or_else(|| format!("write a number from {} to {}", LIMITS.start(), LIMITS.end()))
        })?;
        let after = self.read("next", |text| cursor::decode(list, text))?;
        Ok(Window { limit: limit.unwrap_or(LIMIT), after })
    }

    /// What was given for a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A page as an answer; the next one's address is also in `Link` (RFC 8288).
pub(super) fn answer<T: Serialize>(request: &HttpRequest, page: &Listing<T>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = page.cursor() {
        let given = url::form_urlencoded::parse(request.query_string().as_bytes());
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(given.filter(|(name, _)| name != "next"))
            .append_pair("next", &cursor)
            .finish();
        response.insert_header((header::LINK, format!("<{}?{query}>; rel=\"next\"", request.path())));
    }
    response.json(page)
}

/// The id of an alert: a number from 1.
pub(super) fn alert_id(name: &str, text: &str) -> Result<AlertId, Problem> {
    row_id(name, text).map(AlertId)
}

/// The id of a row: a number from 1.
pub(super) fn row_id(name: &str, text: &str) -> Result<i64, Problem> {
    let id = text.parse().ok().filter(|id| *id > 0);
    id.ok_or_else(|| bad(name, "a number from 1"))
}

/// A parameter that cannot be used, and why.
pub(super) fn bad(name: &str, why: impl Display) -> Problem {
    let name = short(name, 60);
    Problem::BadParameter { message: short(&format!("{name}: {why}"), 300), name }
}

fn unknown(name: &str, known: &[&str]) -> Problem {
    let nearest = known.iter().map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
    let known = match nearest {
        Some((distance, nearest)) if distance <= NEAR => format!("did you mean {nearest}?"),
        _ if known.is_empty() => "there are none here".to_owned(),
        _ => format!("known are {}", known.join(", ")),
    };
    bad(name, format_args!("no such parameter; {known}"))
}

/// What was sent is quoted, and may be long.
fn short(text: &str, most: usize) -> String {
    crate::model::truncate::column(text, most).into_owned()
}
