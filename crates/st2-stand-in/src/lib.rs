//! A stand-in for a running StackStorm 3.9.0: what a client sees of its API, its auth service and its event stream.
//!
//! For tests and demos of clients. Its answers are held to recordings of a real one by the test binary `contract`. It
//! knows parts of the pack `core`, and the packs of the directories it is given. It runs Python actions; commands it only
//! plays. Nothing outlives it.
//! [`Control`] steers it from the same process, the routes under `/_stand_in` from another.
//!
//! A request's way: `http` (listeners, wire) → `faulty` (faults) → `routes`, `catalog` (pure) → `create`, `change`,
//! `executions`, `rules`, `access` on `state`; `engine` then moves what was created, one step at a time.

mod access;
mod answer;
mod arguments;
mod body;
mod cast;
mod catalog;
mod change;
mod content;
mod control;
mod create;
mod definition;
mod engine;
mod execution;
mod executions;
mod faults;
mod faulty;
mod front;
mod http;
mod ids;
mod output;
mod pace;
mod parameter_error;
mod parameters;
mod program;
mod publishing;
mod python;
mod query;
mod reply;
mod routes;
mod rules;
mod shell;
mod state;
mod status;
mod step;
mod stream;
mod template;
mod times;
mod trace;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};

use actix_web::dev::ServerHandle;
use tokio::{task::JoinHandle, time::sleep_until};

pub use self::{
    arguments::Arguments,
    control::{Control, ExecutionView},
    faults::{ActiveFault, Fault},
    front::Front,
    pace::Pace,
    state::Seen,
};
use self::{front::Service, state::State, step::Step};

/// What a stand-in is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the API listens; auth is on the port below and the stream on the port above. Port 0: any three free ones.
    pub listen: SocketAddr,
    /// The API key that is accepted from the start, of the user `poundcake`.
    pub api_key: String,
    /// Who can get tokens.
    pub username: String,
    /// And with which password.
    pub password: String,
    /// How fast it works.
    pub pace: Pace,
    /// Directories of packs, laid out as for `st2 pack install`. Without any: the compiled-in pack `remediation`.
    pub packs: Vec<PathBuf>,
    /// Where the packs' configuration is, `NAME.yaml` of each, as in `/opt/stackstorm/configs`.
    pub configs: Option<PathBuf>,
    /// The Python that runs Python actions; it needs what the packs' `requirements.txt` name.
    pub python: PathBuf,
}

impl Options {
    /// Three free ports on loopback, at a test's pace.
    pub fn for_tests(api_key: &str) -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), pace: Pace::fast(), ..Self::at_default_ports(api_key) }
    }

    /// StackStorm's own ports on loopback, at its pace.
    pub fn at_default_ports(api_key: &str) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9101)),
            api_key: api_key.to_owned(),
            username: "st2admin".to_owned(),
            password: "Ch@ngeMe".to_owned(),
            pace: Pace::real(),
            packs: Vec::new(),
            configs: None,
            python: PathBuf::from("python3"),
        }
    }
}

/// A running stand-in; it stops when it is dropped.
pub struct StandIn {
    control: Control,
    addresses: [SocketAddr; 3],
    servers: Vec<ServerHandle>,
    tasks: Vec<JoinHandle<()>>,
}

impl StandIn {
    /// Loads the packs, binds the three listeners and serves them; to be called within a tokio runtime.
    pub fn start(options: &Options) -> io::Result<Self> {
        let mut state = State::new(options)?;
        let listeners = bind(options.listen)?;
        state.api_url = format!("http://{}", listeners[0].local_addr()?);
        let control = Control::new(state);
        let mut own = Self {
            control: control.clone(),
            addresses: [listeners[0].local_addr()?, listeners[1].local_addr()?, listeners[2].local_addr()?],
            servers: Vec::new(),
            tasks: vec![tokio::spawn(drive(control.clone()))],
        };
        for (service, listener) in [Service::Api, Service::Auth, Service::Stream].into_iter().zip(listeners) {
            let server = http::serve(service, listener, &control)?;
            own.servers.push(server.handle());
            own.tasks.push(tokio::spawn(async move {
                if let Err(error) = server.await {
                    log::error!("the stand-in's {service:?} listener has failed: {error}");
                }
            }));
        }
        Ok(own)
    }

    /// `ST2_API_URL` for this stand-in.
    pub fn api_url(&self) -> String {
        format!("http://{}/v1", self.addresses[0])
    }

    /// `ST2_AUTH_URL` for this stand-in.
    pub fn auth_url(&self) -> String {
        format!("http://{}/tokens", self.addresses[1])
    }

    /// `ST2_STREAM_URL` for this stand-in.
    pub fn stream_url(&self) -> String {
        format!("http://{}/v1/stream", self.addresses[2])
    }

    /// The handle that steers it.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Stops the listeners and waits for them; open connections are closed.
    pub async fn stop(mut self) {
        for server in self.servers.drain(..) {
            server.stop(false).await;
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        for server in &self.servers {
            // The command is sent by the call; only waiting for its effect needs the future.
            drop(server.stop(false));
        }
        if let Some(driver) = self.tasks.first() {
            driver.abort();
        }
    }
}

/// API, auth, stream.
fn bind(api: SocketAddr) -> io::Result<[TcpListener; 3]> {
    let neighbour = |by: i32| -> io::Result<SocketAddr> {
        let port = if api.port() == 0 { Some(0) } else { u16::try_from(i32::from(api.port()) + by).ok() };
        let none = || {
            io::Error::new(io::ErrorKind::InvalidInput, "the ports before and after the API's must be valid ports too")
        };
        Ok(SocketAddr::new(api.ip(), port.ok_or_else(none)?))
    };
    let open = |at: SocketAddr| TcpListener::bind(at);
    Ok([open(api)?, open(neighbour(-1)?)?, open(neighbour(1)?)?])
}

/// Takes the steps when they are due.
async fn drive(control: Control) {
    let wake = control.lock().wake.clone();
    loop {
        let (next, programs) = {
            let mut state = control.lock();
            state.run_due();
            (state.next_due(), std::mem::take(&mut state.programs))
        };
        for program in programs {
            let control = control.clone();
            tokio::spawn(async move {
                let id = program.execution.clone();
                let ending = program.run().await;
                control.lock().after(Duration::ZERO, Step::Finish(id, Box::new(ending)));
            });
        }
        let due = async {
            match next {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wake.notified() => {}
            () = due => {}
        }
    }
}
