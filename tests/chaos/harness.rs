//! What this program shares with the tests in `tests/it`.

#[path = "../it/harness/clock.rs"]
mod clock;
#[path = "../it/harness/database.rs"]
mod database;
#[path = "../it/harness/eventually.rs"]
mod eventually;
#[path = "../it/harness/grants.rs"]
mod grants;
#[path = "../it/harness/http.rs"]
mod http;
#[path = "../it/harness/ports.rs"]
mod ports;
#[path = "../it/harness/process.rs"]
mod process;
#[path = "../it/harness/proxy.rs"]
mod proxy;
#[path = "../it/harness/proxy_pump.rs"]
mod proxy_pump;
#[path = "../it/harness/services.rs"]
mod services;
#[path = "../it/harness/vhost.rs"]
mod vhost;

pub use database::TestDatabase;
pub use http::client;
pub use process::{Process, Running};
pub use proxy::{ChaosProxy, Direction};
pub use services::Services;
pub use vhost::Vhost;
