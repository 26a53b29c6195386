//! The HTTP server as senders, operators and probes see it, on a real store and with nothing behind it.

mod access;
pub mod app;
mod crowd;
mod guesses;
mod hostile;
mod operators;
mod public;
mod recorded;
mod refused;
mod transport;
mod walk;
