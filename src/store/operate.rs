//! What operators do: the filter that chooses alerts, moves (replay, discard) and prune.

pub mod failed;
pub mod filter;
pub mod moves;
pub mod probe;
pub mod prune;
