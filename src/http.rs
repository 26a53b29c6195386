//! Everything over HTTP: the webhook, the query API, the operator page, probes and metrics.
//!
//! [`serve`] builds a server for a [`Role`]; `routes` is the table of everything it answers and who may ask; `gate` stands
//! before all of it and lets nothing through that the table does not list. Errors become HTTP in `problem` alone.

mod access;
mod alerts;
mod attempts;
mod auth;
mod body;
mod connections;
mod context;
mod cookies;
pub(crate) mod csrf;
mod encoding;
mod executions;
mod gate;
mod guards;
mod listener;
mod openapi;
mod orders;
mod page;
mod pauses;
pub(crate) mod probe_cache;
mod probes;
mod problem;
mod processes;
mod query;
mod replays;
mod requests;
mod routes;
mod server;
mod stats;
mod table;
mod tls;
mod webhook;

pub use access::{Access, RouteInfo};
pub use auth::TokensError;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use auth::fuzz_tokens;
pub use context::Parts;
pub use listener::{ListenError, Listener};
pub use page::shown::{Checked, Doctor, Shown};
pub use routes::all_routes;
pub use server::{Role, ServeError, serve};
pub use tls::TlsError;
