//! PoundCake: a durable, tracked layer between Alertmanager and StackStorm.
//!
//! # The map, in the order a webhook travels
//! - [`clock`]: this host's time of day, asked in one place.
//! - [`retry`]: when to try again: policy as data, delays as pure functions.
//! - [`model`]: the words of the domain as types: ids, states, targets, the episode decision. No I/O.
//! - [`store`]: all SQL, on MariaDB or SQLite.
//! - [`broker`]: all AMQP, and the in-process queue of `standalone`.

#[cfg(not(any(feature = "mysql", feature = "sqlite")))]
compile_error!("build with the feature mysql, sqlite or both");

pub mod broker;
pub mod clock;
pub mod model;
pub mod retry;
pub mod store;
