//! PoundCake: a durable, tracked layer between Alertmanager and StackStorm.
//!
//! # The map, in the order a webhook travels
//! Leaves:
//! - [`config`]: every setting, its default and its meaning.
//! - [`logging`], [`metrics`], [`shutdown`]: what is said, what is counted, and how everything stops.
//! - [`tasks`]: what a process lives by: when one of these ends too early, so does the process.
//! - [`bom`]: the byte order mark before a text.
//! - [`clock`]: this host's time of day, asked in one place.
//! - [`descriptors`]: how many files and sockets may be open, and who gets them.
//! - [`retry`]: when to try again: policy as data, delays as pure functions.
//! - [`secret`]: values that are never shown, and files of them that are read again when they change.
//! - [`trust`]: who is believed over TLS, and who we are.
//!
//! The path:
//! - [`model`]: the words of the domain as types: ids, states, targets, matchers, the episode decision. No I/O.
//! - [`alertmanager`]: a webhook's body, judged alert by alert.
//! - [`store`]: all SQL, on MariaDB or SQLite.
//! - [`broker`]: all AMQP, and the in-process queue of `standalone`.
//! - [`stackstorm`]: all StackStorm HTTP, and what each answer means.
//! - [`ingest`]: the webhook's way into the database: judge, group commit, answer.
//! - [`http`]: the webhook, the query API, probes and metrics, and who may call them.
//! - [`relay`]: from rows to the broker: after COMMIT, and whatever is due.
//! - [`dispatcher`]: from a message to an execution link: claim, route, trigger, record, ack.
//! - [`tracker`]: from executions to rows: follows what StackStorm runs for us to its end, in SQL.
//! - [`replay`]: what operators do by hand: replay, discard, prune.
//! - [`history`]: what became of webhooks: our rows, StackStorm's beside them, figures.
//! - [`http`]: every route on one screen (`http::routes`), who may call it, and errors as HTTP.
//! - [`cli`]: the commands, one file each.
//!
//! The stand-in for StackStorm, for tests and the demo, is a crate of its own: `st2-stand-in`.

// `cli::print` writes to standard output: it survives a reader that has gone, which `println!` does not.
#![warn(clippy::print_stdout, clippy::print_stderr)]

#[cfg(not(any(feature = "mysql", feature = "sqlite")))]
compile_error!("build with the feature mysql, sqlite or both");

pub mod alertmanager;
pub mod bom;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod descriptors;
pub mod dispatcher;
pub mod history;
pub mod http;
pub mod ingest;
pub mod logging;
pub mod metrics;
pub mod model;
pub mod relay;
pub mod replay;
pub mod retry;
pub mod secret;
pub mod shutdown;
pub mod stackstorm;
pub mod store;
pub mod tasks;
pub mod tracker;
pub mod trust;
