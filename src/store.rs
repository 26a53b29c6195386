//! All SQL on our three tables, by who uses it.
//!
//! - [`ingest`]: the webhook transaction: webhooks, alerts, episodes.
//! - [`dispatch`]: what the relay, the dispatcher and the resolver read and write: due rows, claims, releases, records, links.
//! - [`operate`]: what people order: the filter that chooses alerts, moves (replay, release, …), pauses, orders as rows, prune.
//! - [`read`]: what people and programs are shown.
//! - [`restore`]: what `poundcake restored` changes in a database that was restored from a backup.
//! - [`guard_key`]: what a row is to the guards of its route.
//! - [`guard_row`]: the lock of all admissions, and the brakes that are on.
//! - [`processes`]: the rows of running processes.
//!
//! Each change of an alert's state is one guarded UPDATE here, or a claim, whose guard is read under a lock. Losing the race is
//! a value, not an error.

pub mod dispatch;
pub mod guard_key;
pub mod guard_row;
pub mod ingest;
pub mod operate;
pub mod processes;
pub mod read;
pub mod restore;
pub mod unreadable;
pub mod write_check;
