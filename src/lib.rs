//! PoundCake: a durable, tracked layer between Alertmanager and StackStorm.
//!
//! # The map
//! Each module imports only from the modules above it, and no two files import each other; `make lint` checks both.
//! `docs/ARCHITECTURE.md` walks an alert, a replay and a StackStorm error through these modules.
//!
//! Leaves:
//! - [`clock`]: the time of day, read in one place.
//! - [`hostname`]: the name of this host.
//! - [`bom`]: the byte order mark at the start of a text.
//! - [`logging`]: the format of log lines, and error chains.
//! - [`retry`]: when to try again: policy as data, delays as pure functions.
//! - [`secret`]: values that are never shown, and files of secrets that are read again when they change.
//! - [`trust`]: TLS: which certificates we trust and which ones we show.
//! - [`descriptors`]: how many files and sockets a process may open, and who gets them.
//! - [`metrics`]: everything that is counted.
//! - [`group_commit`]: many requests in one transaction, an answer for each.
//! - [`shutdown`]: SIGTERM, and how everything stops.
//! - [`tasks`]: the tasks that a process depends on: when one ends too early, the process ends.
//!
//! The domain:
//! - [`model`]: ids, states, targets, matchers, the episode decision. Pure, no I/O.
//! - [`alertmanager`]: a webhook's body, parsed alert by alert.
//!
//! The neighbours:
//! - [`database`]: URL, connections, pool, watchdog, transactions, migrations, schema.
//! - [`store`]: all SQL on our three tables, by who uses it.
//! - [`st2_tables`]: `execution_db` and the other copies of StackStorm's data.
//! - [`takeover`]: the tables of older installations.
//! - [`broker`]: all AMQP, and the in-process queue of `standalone`.
//! - [`stackstorm`]: all StackStorm HTTP, and what each answer means.
//!
//! The flows, in the order in which an alert travels:
//! - [`ingest`]: from a webhook to committed rows: parse, group commit, answer.
//! - [`relay`]: from rows to the broker: after COMMIT, and whatever is due.
//! - [`dispatcher`]: from a message to an execution link: claim, route, trigger, record, ack.
//! - [`tracker`]: from execution links to `execution_db`: follows executions to their end.
//! - [`history`]: what is shown about requests, alerts and executions.
//! - [`operator`]: what people order: replay, discard, release, approve, pause, prune.
//! - [`heartbeat`]: the row in which a process tells the others how it is.
//! - [`restore`]: what a database learns that was restored from a backup: what StackStorm ran since.
//!
//! The edges:
//! - [`config`]: every setting, its default and its meaning.
//! - [`http`]: every route on one screen (`http::routes`), who may call it, and errors as HTTP.
//! - [`app`]: wires the parts of a process together from its settings.
//! - [`cli`]: the commands, one file each.
//! - `fuzz`: what is fuzzed, for tests and with the feature `fuzzing`.
//!
//! The stand-in for StackStorm, for tests and the demo, is a crate of its own: `st2-stand-in`.

// `cli::print` writes to standard output: it survives a reader that has gone, which `println!` does not.
#![warn(clippy::print_stdout, clippy::print_stderr)]

#[cfg(not(any(feature = "mysql", feature = "sqlite")))]
compile_error!("build with the feature mysql, sqlite or both");

pub mod alertmanager;
pub mod app;
pub mod bom;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod database;
pub mod descriptors;
pub mod dispatcher;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
pub mod group_commit;
pub mod heartbeat;
pub mod history;
pub mod hostname;
pub mod http;
pub mod ingest;
pub mod logging;
pub mod metrics;
pub mod model;
pub mod operator;
pub mod relay;
pub mod restore;
pub mod retry;
pub mod secret;
pub mod shutdown;
pub mod st2_tables;
pub mod stackstorm;
pub mod store;
pub mod takeover;
pub mod tasks;
pub mod tracker;
pub mod trust;
