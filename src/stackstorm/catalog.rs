//! Lists what is registered in StackStorm, for the tracker's tables.

use super::{client::Client, error::LookupError};
use serde_json::Value;

/// A kind of thing that StackStorm lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// `GET /v1/actions`
    Actions,
    /// `GET /v1/rules`
    Rules,
    /// `GET /v1/triggers`
    Triggers,
    /// `GET /v1/webhooks`
    Webhooks,
}

impl Client {
    /// All of them.
    pub async fn registered(&self, what: Registered) -> Result<Vec<Value>, LookupError> {
        match what {
            Registered::Actions => self.list(&["actions"], &[]).await,
            Registered::Rules => self.list(&["rules"], &[]).await,
            Registered::Triggers => self.list(&["triggers"], &[]).await,
            // Not paged: StackStorm gives all of them at once, whatever page is asked for.
            Registered::Webhooks => self.get_json(&["webhooks"], &[]).await,
        }
    }
}
