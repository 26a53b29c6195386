//! PoundCake: a durable, tracked layer between Alertmanager and StackStorm.
//!
//! # The map, in the order a webhook travels
//! - [`model`]: the words of the domain as types: ids, states, targets, the episode decision. No I/O.
//! - [`stand_in`]: a StackStorm to test against: API, auth, event stream, and its faults on demand. Uses nothing above it.

pub mod model;
pub mod stand_in;
