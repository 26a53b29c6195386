//! RabbitMQ: one connection per role, with our own reconnects.
//!
//! lapin's own recovery stays off: it hangs confirms through an outage (measured: 11 s and more), and a confirm that
//! hangs must fail so that the row stays the relay's.

mod acks;
mod consumer;
mod inspect;
mod publisher;
mod refusal;
mod repair;
mod session;
mod topology;
mod url;
mod version;

pub(super) use acks::Acks;
pub use consumer::Consumer;
pub use inspect::{Inspected, QueueState, inspect};
pub use publisher::Publisher;
pub use repair::Repair;
pub use topology::{DEAD_QUEUE, EXCHANGE, QUEUE, ROUTING_KEY};
pub use url::{BrokerUrl, UrlError};
