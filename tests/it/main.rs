//! PoundCake's tests on the real parts: one binary, a module for each behaviour. [`harness`] starts what a test needs.
//!
//! Run them with `make test`; for single tests leave the servers running with `make services` and use `cargo test NAME`.
#![cfg(test)]
#![expect(unreachable_pub, reason = "a test binary exports nothing; pub marks what the harness offers to tests")]

mod broker;
mod claims;
mod commands;
mod dispatch;
mod end_to_end;
mod episodes;
mod harness;
mod harness_check;
mod history_cost;
mod http_api;
mod metrics;
mod outcomes;
mod queries;
mod recovery;
mod replay;
mod same_rows;
mod schema;
