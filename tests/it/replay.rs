//! What operators do by hand: replay, discard, prune; over HTTP and in the terminal, on both stores.

mod chosen;
mod commands;
mod dispatched;
mod pruned;
mod refused;
pub mod rows;
mod uncertain;
