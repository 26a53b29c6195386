//! What operators do: the filter that chooses alerts, moves (replay, discard, release, approve, reject), pauses, orders as rows,
//! and prune.

pub mod author;
pub mod filter;
mod holds;
pub mod moves;
pub mod orders;
pub mod pauses;
pub mod preview;
pub mod probe;
pub mod prune;
