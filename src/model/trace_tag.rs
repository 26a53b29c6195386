//! The trace tag: what StackStorm knows a dispatch by. Unique per alert and generation; every attempt of one uses the same.

use super::ids::{AlertId, RequestId};
use std::{fmt, str::FromStr};

const PREFIX: &str = "poundcake";

/// `poundcake:{request_id}:{alert_id}:{generation}`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceTag {
    /// The webhook.
    pub request_id: RequestId,
    /// Its alert.
    pub alert_id: AlertId,
    /// The alert's dispatch.
    pub generation: i32,
}

/// The text is not one of PoundCake's trace tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a trace tag of PoundCake")]
pub struct NotATraceTag;

impl fmt::Display for TraceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request_id, alert_id, generation } = self;
        write!(f, "{PREFIX}:{request_id}:{alert_id}:{generation}")
    }
}

impl FromStr for TraceTag {
    type Err = NotATraceTag;

    /// A request id may have colons of its own, so the text is read from its end.
    fn from_str(text: &str) -> Result<Self, NotATraceTag> {
        let rest = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(':')).ok_or(NotATraceTag)?;
        let (rest, generation) = rest.rsplit_once(':').ok_or(NotATraceTag)?;
        let (request_id, alert_id) = rest.rsplit_once(':').ok_or(NotATraceTag)?;
        Ok(Self {
            request_id: RequestId::parse(request_id).map_err(|_other| NotATraceTag)?,
            alert_id: alert_id.parse().map_err(|_no_number| NotATraceTag)?,
            generation: generation.parse().ok().filter(|generation| *generation >= 0).ok_or(NotATraceTag)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_as_it_is_written() {
        for request_id in ["019aa7b5-8f2b-7c3e-9a51-2f6f3c1d4e5f", "a:b", "7"] {
            let tag =
                TraceTag { request_id: RequestId::parse(request_id).unwrap(), alert_id: AlertId(12), generation: 3 };
            assert_eq!(tag.to_string(), format!("poundcake:{request_id}:12:3"));
            assert_eq!(tag.to_string().parse(), Ok(tag));
        }
    }

    #[test]
    fn what_others_write_is_no_tag() {
        for text in [
            "",
            "poundcake",
            "poundcake:a:1",
            "poundcake:a:1:x",
            "poundcake:a:x:1",
            "poundcake:a:1:-1",
            "x:a:1:1",
            "poundcake::1:1",
        ] {
            assert_eq!(text.parse::<TraceTag>(), Err(NotATraceTag), "{text}");
        }
    }
}
