//! Orders of operators over held alerts, pauses, and the audit log; over HTTP and in the terminal, on both stores.

mod approvals;
mod audit;
mod commands;
mod effect;
pub mod given;
mod guards;
mod pauses;
mod releases;
