//! Reads what happened to webhooks, for people and programs: single rows and pages of rows.
//!
//! It reads only our three tables; the caller adds the rows of StackStorm's tables.

mod alerts;
pub mod approvals;
pub mod backlog;
mod by_status;
mod calls;
pub mod depth;
pub mod guard_depth;
mod guards;
mod links;
mod orders;
pub mod rhythm;
pub mod route_use;
mod search;

pub use alerts::{Alert, AlertSummary, alert, alerts, alerts_below, alerts_by_id, alerts_of_call};
pub use by_status::by_status;
pub use calls::{AlertCounts, Call, CallFilter, CallSummary, call, calls, request_ids};
pub use guards::{Guards, Held, RouteGuards, guards};
pub use links::{
    CountedLink, ExecutionLink, LinkFilter, first_link, first_links, links, links_of_alerts, links_of_execution,
};
pub use orders::{OrderFilter, OrderRow, order, orders};
