//! Pauses: from the order until their end, or until a person resumes them. Both orders are rows.

use super::{Source, orders::canonical};
use crate::{
    database::{Database, DatabaseError},
    model::{
        ids::ApiCallId,
        pause::{Pause, Scope, ScopeInBody},
    },
    store::operate::{
        author::Author,
        orders::NewOrder,
        pauses::{self, End},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::time::Duration;

/// How long a pause lasts when nothing is said.
const DEFAULT: Duration = Duration::from_hours(1);
/// And at most: nobody forgets one for longer.
const LONGEST: Duration = Duration::from_hours(24);

/// How long a pause lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// From now on.
    For(Duration),
    /// By the database's clock.
    Until(DateTime<Utc>),
}

/// A pause that is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPause {
    /// What it covers.
    pub scope: Scope,
    /// How long; one hour where nothing is said.
    pub length: Option<Length>,
    /// Who, and why.
    pub author: Author,
    /// The way that the order came.
    pub source: Source,
}

/// A pause that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paused {
    /// It.
    #[serde(flatten)]
    pub pause: Pause,
    /// What may be a mistake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// A pause that does not begin.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    /// A pause without a reason could not be explained later.
    #[error("give a reason (say why): the reason is shown as long as the pause is in force")]
    NoReason,
    /// No time, or too much.
    #[error("a pause ends in the future and lasts at most 24h; order another one before it ends if that is too short")]
    Length,
    /// The database.
    #[error("the database is not available")]
    Database(#[from] DatabaseError),
}

/// Reads `1h` or `90m`; the error says what to write.
pub fn parse_length(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write a length such as 30m or 2h"))
}

/// Begins a pause.
pub async fn pause(store: &Database, new: NewPause) -> Result<Paused, PauseError> {
    if new.author.reason.trim().is_empty() {
        return Err(PauseError::NoReason);
    }
    let length = new.length.unwrap_or(Length::For(DEFAULT));
    let end = match length {
        Length::For(length) if length.is_zero() || length > LONGEST => return Err(PauseError::Length),
        Length::For(length) => End::After(TimeDelta::from_std(length).map_err(|_too_long| PauseError::Length)?),
        Length::Until(until) => End::At(crate::clock::comparable(until)),
    };
    let order = NewOrder {
        path: pauses::PATH.to_owned(),
        body: body(&new, length),
        operator: new.author.by.clone(),
        source: new.source,
    };
    let scope = new.scope.clone();
    let longest = TimeDelta::hours(24);
    let begun = store.run(move |conn| pauses::begin(conn, &order, end, longest)).await?;
    let pause = begun.ok_or(PauseError::Length)?;
    log::info!(event = "paused", id = pause.id, by:? = pause.operator, reason:? = pause.reason; "paused by hand");
    let warning = match &scope {
        Scope::Route(name) => warn_of_unknown(store, name.clone()).await?,
        _ => None,
    };
    Ok(Paused { pause, warning })
}

/// Ends a pause now; `None`: none in force has this id.
pub async fn resume(
    store: &Database,
    id: ApiCallId,
    author: Author,
    source: Source,
) -> Result<Option<Pause>, DatabaseError> {
    #[derive(Serialize)]
    struct Body<'a> {
        reason: Option<&'a str>,
    }
    let order = NewOrder {
        path: format!("{}/{id}", pauses::PATH),
        body: canonical(&Body { reason: Some(author.reason.as_str()).filter(|reason| !reason.is_empty()) }),
        operator: author.by.clone(),
        source,
    };
    let ended = store.run(move |conn| pauses::end(conn, id, &order)).await?;
    if ended.is_some() {
        log::info!(event = "resumed", id, by:? = author.by; "resumed by hand");
    }
    Ok(ended)
}

fn body(new: &NewPause, length: Length) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(flatten)]
        scope: ScopeInBody,
        reason: &'a str,
        r#for: Option<String>,
        until: Option<DateTime<Utc>>,
    }
    let (r#for, until) = match length {
        Length::For(length) => (Some(humantime::format_duration(length).to_string()), None),
        Length::Until(until) => (None, Some(until)),
    };
    canonical(&Body { scope: ScopeInBody::from(&new.scope), reason: &new.author.reason, r#for, until })
}

/// Names are free: the pause may come before the first alert. A misspelt one covers nothing.
async fn warn_of_unknown(store: &Database, name: String) -> Result<Option<String>, DatabaseError> {
    let (looked_for, known) = (name.clone(), store.run(move |conn| pauses::is_known_route(conn, &name)).await?);
    let warning = || format!("no alert has taken a route with the name {looked_for:?} lately; check how it is spelt");
    Ok((!known).then(warning))
}
