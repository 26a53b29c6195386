//! PoundCake's tests on the real parts: one binary, a module for each behaviour. [`harness`] starts what a test needs.
//!
//! Run them with `make test`; for single tests leave the servers running with `make services` and use `cargo test NAME`.
#![cfg(test)]
#![expect(clippy::needless_pass_by_value, reason = "a test owns the database that it is given")]
#![expect(unreachable_pub, reason = "a test binary exports nothing; pub marks what the harness offers to tests")]

mod absent;
mod broker;
mod claims;
mod clocks;
mod commands;
mod connections;
mod dispatch;
mod doctor;
mod end_to_end;
mod episodes;
mod guards;
mod harness;
mod harness_check;
mod history;
mod history_cost;
mod http_api;
mod identity;
mod legacy;
mod metrics;
mod orders;
mod outcomes;
mod pack;
mod page;
mod probes;
mod processes;
mod queries;
mod recovery;
mod replay;
mod restore;
mod rule_mode;
mod runbooks;
mod same_rows;
mod schema;
mod secrets;
mod st2_client;
mod tracker;
mod unreadable;
