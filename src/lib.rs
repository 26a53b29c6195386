//! PoundCake: a durable, tracked layer between Alertmanager and StackStorm.
//!
//! # The map, in the order a webhook travels
//! Leaves:
//! - [`clock`]: this host's time of day, asked in one place.
//! - [`retry`]: when to try again: policy as data, delays as pure functions.
//! - [`secret`]: values that are never shown, and files of them that are read again when they change.
//!
//! The path:
//! - [`model`]: the words of the domain as types: ids, states, targets, matchers, the episode decision. No I/O.
//! - [`alertmanager`]: a webhook's body, judged alert by alert.
//! - [`store`]: all SQL, on MariaDB or SQLite.
//! - [`broker`]: all AMQP, and the in-process queue of `standalone`.
//! - [`stackstorm`]: all StackStorm HTTP, and what each answer means.

#[cfg(not(any(feature = "mysql", feature = "sqlite")))]
compile_error!("build with the feature mysql, sqlite or both");

pub mod alertmanager;
pub mod broker;
pub mod clock;
pub mod model;
pub mod retry;
pub mod secret;
pub mod stackstorm;
pub mod store;
