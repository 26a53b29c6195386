//! The message in the queue: ids only, never alert text.

use crate::model::ids::{AlertId, RequestId};
use serde::{Deserialize, Serialize};

/// The version this program writes and reads.
const VERSION: u8 = 1;

/// "This alert, in this generation, is to be dispatched." The row decides whether that still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    v: u8,
    /// The row.
    pub alert_id: AlertId,
    /// For logs and for people who look into the queue.
    pub request_id: RequestId,
    /// `dispatch_generation` when it was published; an older one is stale.
    pub generation: i32,
}

/// A payload that is not a message of ours; it goes to `poundcake.dead`.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not our JSON.
    #[error("the message is not valid")]
    Json(#[from] serde_json::Error),
    /// Written by another version.
    #[error("the message has version {0}; this program reads version {VERSION}")]
    Version(u8),
}

impl Message {
    /// A message of the current version.
    pub const fn new(alert_id: AlertId, request_id: RequestId, generation: i32) -> Self {
        Self { v: VERSION, alert_id, request_id, generation }
    }

    /// The JSON text.
    pub fn encode(&self) -> String {
        format!(
            r#"{{"v":{},"alert_id":{},"request_id":"{}","generation":{}}}"#,
            self.v, self.alert_id, self.request_id, self.generation
        )
    }

    /// Reads the JSON text.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let message: Self = serde_json::from_slice(payload)?;
        if message.v == VERSION { Ok(message) } else { Err(DecodeError::Version(message.v)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_documented_json_and_comes_back() {
        let request_id = RequestId::generate();
        let message = Message::new(AlertId(7), request_id, 2);
        let text = message.encode();
        assert_eq!(text, format!(r#"{{"v":1,"alert_id":7,"request_id":"{request_id}","generation":2}}"#));
        assert_eq!(Message::decode(text.as_bytes()).unwrap(), message);
    }

    #[test]
    fn foreign_and_newer_messages_are_refused() {
        assert!(matches!(Message::decode(b"hello"), Err(DecodeError::Json(_))));
        let newer = Message::new(AlertId(1), RequestId::generate(), 0).encode().replace(r#""v":1"#, r#""v":2"#);
        assert!(matches!(Message::decode(newer.as_bytes()), Err(DecodeError::Version(2))));
    }
}
