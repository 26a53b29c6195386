//! PoundCake: a durable, tracked layer between Alertmanager and StackStorm.
//!
//! # The map, in the order a webhook travels
//! - [`model`]: the words of the domain as types: ids, states, targets, the episode decision. No I/O.
//! - [`alertmanager`]: a webhook's body, read into the model; each alert judged alone.

pub mod alertmanager;
pub mod model;
