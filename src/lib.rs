//! PoundCake: a durable, tracked layer between Alertmanager and StackStorm.
//!
//! # The map, in the order a webhook travels
//! - [`model`]: the words of the domain as types: ids, states, targets, the episode decision. No I/O.

pub mod model;
