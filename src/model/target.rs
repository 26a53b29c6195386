//! What an alert is dispatched to: a StackStorm action, or a StackStorm webhook whose rules decide.

use std::{fmt, str::FromStr};

/// Characters of a ref or a name at most: a target must fit its column.
const LONGEST: usize = 200;

/// A StackStorm action's ref, `pack.name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActionRef(String);

impl ActionRef {
    /// Accepts `pack.name` of letters, digits, `_`, `-` (and further dots in the name): what is safe in a URL path.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let (pack, name) = text.split_once('.').unwrap_or_default();
        let safe = |part: &str, more: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if safe(pack, "_-") && safe(name, "_-.") && text.len() <= LONGEST {
            Ok(Self(text.to_owned()))
        } else {
            Err(TargetError::ActionRef(text.to_owned()))
        }
    }

    /// `pack.name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name under `/v1/webhooks/` that StackStorm's rules listen on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebhookName(String);

impl WebhookName {
    /// Accepts letters, digits, `_`, `-`, `.` and inner `/` (StackStorm allows paths).
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let segment = |part: &str| {
            !matches!(part, "" | "." | "..") && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        };
        if text.split('/').all(segment) && text.len() <= LONGEST {
            Ok(Self(text.to_owned()))
        } else {
            Err(TargetError::Webhook(text.to_owned()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebhookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A dispatch target, as `poundcake_alerts.dispatch_target` holds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// Direct mode: `POST /v1/executions`.
    Action(ActionRef),
    /// Rule mode: `POST /v1/webhooks/{name}`.
    Webhook(WebhookName),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action(action) => write!(f, "action:{action}"),
            Self::Webhook(name) => write!(f, "webhook:{name}"),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("action", action)) => ActionRef::parse(action).map(Self::Action),
            Some(("webhook", name)) => WebhookName::parse(name).map(Self::Webhook),
            _ => Err(TargetError::Target(text.to_owned())),
        }
    }
}

/// A text that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not `pack.name`.
    #[error("{0:?} is not an action ref; write pack.name with letters, digits, _ and -, at most {LONGEST} characters")]
    ActionRef(String),
    /// Not a webhook's name.
    #[error("{0:?} is not a webhook name; use letters, digits, _, - and ., at most {LONGEST} characters")]
    Webhook(String),
    /// Neither `action:` nor `webhook:`.
    #[error("{0:?} is not a dispatch target; write action:pack.name or webhook:name")]
    Target(String),
}
