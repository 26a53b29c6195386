//! What became of webhooks, read for people and programs: rows as they are shown, one at a time or a page of them.
//!
//! Only our three tables are read here; what StackStorm's tables hold beside them is the caller's to add.

mod alerts;
pub mod backlog;
mod calls;
pub mod depth;
mod links;

pub use alerts::{Alert, AlertSummary, alert, alerts, alerts_by_id, alerts_of_call};
pub use calls::{AlertCounts, Call, CallFilter, CallSummary, call, calls, request_ids};
pub use links::{ExecutionLink, LinkFilter, first_links, links, links_of_alerts, links_of_execution};
