//! The HTTP server as senders, operators and probes see it, on a real store and with nothing behind it.

mod access;
pub mod app;
mod crowd;
mod hostile;
mod operators;
mod recorded;
mod refused;
mod transport;
