//! PoundCake: a durable, tracked layer between Alertmanager and StackStorm.
//!
//! # The map, in the order a webhook travels
//! - [`secret`]: a key, token or password from a variable or from a file that is re-read. Never shown.
//! - [`model`]: the words of the domain as types: ids, states, targets, the episode decision. No I/O.
//! - [`alertmanager`]: a webhook's body, read into the model; each alert judged alone.
//! - [`stackstorm`]: all StackStorm HTTP: executions, traces, webhooks, actions, and what an answer means.
//! - [`dispatcher`]: which route an alert takes, and the parameters that are sent with it.

pub mod alertmanager;
pub mod dispatcher;
pub mod model;
pub mod secret;
pub mod stackstorm;
