//! Everything over HTTP: the webhook, the query API, probes and metrics.
//!
//! [`serve`] builds a server for a [`Role`]; `routes` is the table of everything it answers and who may ask; `gate` stands
//! before all of it and lets nothing through that the table does not list. Errors become HTTP in `problem` alone.

mod auth;
mod body;
mod cached;
mod gate;
mod origin;
mod probes;
mod problem;
mod replays;
mod requests;
mod routes;
mod server;
mod tls;
mod webhook;

pub use auth::TokensError;
pub use routes::{Access, RouteInfo, table};
pub use server::{Role, ServeError, serve};
pub use tls::TlsError;
