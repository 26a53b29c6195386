//! What a test stands on: a database and a vhost of its own, a proxy before each neighbour, the real programs as processes.
//!
//! ```ignore
//! let (database, vhost) = (TestDatabase::mariadb(), Vhost::new().await);
//! let proxy = ChaosProxy::before(vhost.address());
//! let ingest = Process::poundcake("ingest").variable("DATABASE_URL", database.url());
//! let ingest = ingest.variable("AMQP_URL", vhost.url_through(proxy.address())).start().ready().await;
//! proxy.break_networking();
//! ```
//!
//! Everything made here is gone again when it is dropped, also when the test fails. Waiting is [`eventually`]'s alone.

mod alertmanager;
mod both;
mod certificates;
mod clock;
mod database;
mod eventually;
mod fixtures;
mod grants;
mod http;
mod ledger;
mod network;
mod pipeline;
mod ports;
mod process;
mod proxy;
mod proxy_pump;
mod receiver;
mod services;
mod vhost;

pub use alertmanager::{Alertmanager, Prometheus};
pub(crate) use both::{on_both_shapes, on_both_stores};
pub use certificates::Certificates;
pub use database::TestDatabase;
pub use eventually::eventually;
pub use fixtures::{T0, hour, incoming, intake};
pub use http::client;
pub use pipeline::{KEY, PATIENCE, Pipeline, SOON, Setup, Shape, deliver, firing, resolved};
pub use ports::Reserved;
pub use process::{Process, Running};
pub use proxy::{ChaosProxy, Direction};
pub use receiver::WebhookReceiver;
pub use services::Services;
pub use vhost::Vhost;
