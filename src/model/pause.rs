//! A pause: no start of what it covers, until it ends or a person resumes it.
//!
//! It is an order, so its scope, reason and length are the body of a row of `poundcake_api_calls`.

use super::{ids::ApiCallId, matcher::Matchers};
use crate::clock::rfc3339;
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize, Serializer};
use std::{collections::BTreeMap, fmt};

/// A pause in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Its row of `poundcake_api_calls`.
    pub id: ApiCallId,
    /// What it covers.
    pub scope: Scope,
    /// Why, in the operator's words.
    pub reason: String,
    /// Who ordered it.
    pub operator: String,
    /// UTC.
    pub since: NaiveDateTime,
    /// UTC; `None`: until a person resumes it.
    pub until: Option<NaiveDateTime>,
}

/// What a pause covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every start.
    Everything,
    /// The starts of the route with this name.
    Route(String),
    /// The starts for alerts with such labels.
    Matchers(Matchers),
    /// The row cannot be read, for this reason: every start, since too much paused is the lesser harm.
    Unreadable(String),
}

impl Pause {
    /// Whether it delays an alert with these labels that goes this route (`None`: a route without a name).
    pub fn covers(&self, route: Option<&str>, labels: &BTreeMap<String, String>) -> bool {
        match &self.scope {
            Scope::Everything | Scope::Unreadable(_) => true,
            Scope::Route(name) => route == Some(name.as_str()),
            Scope::Matchers(matchers) => matchers.matches(labels),
        }
    }
}

impl Pause {
    /// Whether it has ended by this clock. A process may know it for some moments longer.
    pub fn is_over(&self, now: NaiveDateTime) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether it covers every alert of this route.
    pub fn covers_route(&self, route: &str) -> bool {
        match &self.scope {
            Scope::Everything | Scope::Unreadable(_) => true,
            Scope::Route(name) => name == route,
            Scope::Matchers(_) => false,
        }
    }

    /// When a row that it holds is looked at again, at the latest: at its end, or in a day.
    pub fn look_at(&self, now: NaiveDateTime) -> NaiveDateTime {
        self.until.unwrap_or(now + chrono::TimeDelta::days(1))
    }
}

/// What of a pause is written in the order's body: exactly one scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeInBody {
    /// `true`, or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everything: Option<bool>,
    /// A route's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// At least one matcher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matchers: Option<Matchers>,
}

/// A body that does not say what is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "say what is paused with exactly one of \"everything\": true, \"route\" or \"matchers\" (at least one matcher)"
)]
pub struct NoScope;

/// As it is shown: the scope's members among its own; times as RFC 3339.
impl Serialize for Pause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            id: ApiCallId,
            #[serde(flatten)]
            scope: ScopeInBody,
            #[serde(skip_serializing_if = "Option::is_none")]
            unreadable: Option<&'a str>,
            reason: &'a str,
            operator: &'a str,
            since: String,
            until: Option<String>,
        }
        let unreadable = match &self.scope {
            Scope::Unreadable(why) => Some(why.as_str()),
            _ => None,
        };
        let shown = Shown {
            id: self.id,
            scope: ScopeInBody::from(&self.scope),
            unreadable,
            reason: &self.reason,
            operator: &self.operator,
            since: rfc3339(self.since),
            until: self.until.map(rfc3339),
        };
        shown.serialize(serializer)
    }
}

/// For people: `everything`, `route hosts`, `{cluster="eu1"}`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.pad("everything"),
            Self::Route(name) => write!(f, "route {name}"),
            Self::Matchers(all) => all.fmt(f),
            Self::Unreadable(why) => write!(f, "everything, because its row cannot be read: {why}"),
        }
    }
}

impl TryFrom<ScopeInBody> for Scope {
    type Error = NoScope;

    fn try_from(body: ScopeInBody) -> Result<Self, NoScope> {
        match body {
            ScopeInBody { everything: Some(true), route: None, matchers: None } => Ok(Self::Everything),
            ScopeInBody { everything: None, route: Some(name), matchers: None } if !name.trim().is_empty() => {
                Ok(Self::Route(name))
            }
            // An empty list would match everything.
            ScopeInBody { everything: None, route: None, matchers: Some(all) } if !all.is_empty() => {
                Ok(Self::Matchers(all))
            }
            _ => Err(NoScope),
        }
    }
}

impl From<&Scope> for ScopeInBody {
    fn from(scope: &Scope) -> Self {
        match scope.clone() {
            Scope::Everything | Scope::Unreadable(_) => Self { everything: Some(true), ..Self::default() },
            Scope::Route(name) => Self { route: Some(name), ..Self::default() },
            Scope::Matchers(all) => Self { matchers: Some(all), ..Self::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(body: &str) -> Result<Scope, String> {
        let body: ScopeInBody = serde_json::from_str(body).map_err(|error| error.to_string())?;
        Scope::try_from(body).map_err(|error| error.to_string())
    }

    fn covers(body: &str, route: Option<&str>, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let now = crate::clock::utc_now();
        let (reason, operator) = ("maintenance".to_owned(), "alice".to_owned());
        Pause { id: ApiCallId(7), scope: scope(body).unwrap(), reason, operator, since: now, until: None }
            .covers(route, &labels)
    }

    #[test]
    fn a_pause_covers_everything_a_route_or_what_its_matchers_match() {
        assert!(covers(r#"{"everything":true}"#, None, &[]));
        assert!(covers(r#"{"route":"hosts"}"#, Some("hosts"), &[]));
        assert!(!covers(r#"{"route":"hosts"}"#, Some("disks"), &[]));
        assert!(!covers(r#"{"route":"hosts"}"#, None, &[]));
        let cluster = r#"{"matchers":["cluster=\"eu1\"","severity!=\"info\""]}"#;
        assert!(covers(cluster, None, &[("cluster", "eu1"), ("severity", "page")]));
        assert!(!covers(cluster, None, &[("cluster", "eu1"), ("severity", "info")]));
        assert!(!covers(cluster, None, &[("cluster", "eu2")]));
    }

    #[test]
    fn an_empty_scope_is_never_everything() {
        for body in [
            "{}",
            r#"{"everything":false}"#,
            r#"{"route":" "}"#,
            r#"{"matchers":[]}"#,
            r#"{"matchers":["{}"]}"#,
            r#"{"everything":true,"route":"hosts"}"#,
        ] {
            assert_eq!(scope(body), Err(NoScope.to_string()), "{body}");
        }
    }

    #[test]
    fn a_scope_is_written_as_it_is_read() {
        for body in [r#"{"everything":true}"#, r#"{"route":"hosts"}"#, r#"{"matchers":["a=\"b\"","c=~\"d|e\""]}"#] {
            assert_eq!(serde_json::to_string(&ScopeInBody::from(&scope(body).unwrap())).unwrap(), body);
        }
    }
}
