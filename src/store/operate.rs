//! What operators do: the filter that chooses alerts, moves (replay, discard), pauses and prune.

pub mod filter;
pub mod moves;
pub mod pauses;
pub mod probe;
pub mod prune;
