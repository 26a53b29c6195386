//! The open HTTP connections. Idle ones are closed when new ones need their place.
//!
//! actix stops to accept when a worker has its most connections, and keeps idle ones for minutes: senders that keep a
//! connection each would lock out all others. So above three quarters of the most, the connections that were idle longest
//! are closed. Where too few were idle for long enough, and seven eighths of the most are open, answers close their
//! connection. A sender that writes to a connection at the very moment it is closed gets no answer and sends again, as after
//! every lost connection.

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{dev::Extensions, rt::net::TcpStream};
use std::{
    any::Any,
    collections::HashMap,
    net::Shutdown,
    os::fd::AsFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// A connection is not closed before it was idle for so long: its sender may be about to use it.
const IDLE: Duration = Duration::from_secs(1);
/// How often idle ones are looked for while there are too many.
const LOOK: Duration = Duration::from_millis(250);

/// How often that is said.
const SAY: Duration = Duration::from_secs(10);

/// All connections of a server.
pub(super) struct Connections {
    /// At most.
    most: usize,
    open: Mutex<HashMap<u64, Open>>,
    next: AtomicU64,
    crowded: Notify,
}

struct Open {
    /// A second handle of the socket: actix has the first.
    handle: std::net::TcpStream,
    /// Requests that are being answered.
    requests: usize,
    /// Since when there are none.
    idle_since: Instant,
    /// It was shut down and will be gone in a moment.
    closed: bool,
}

/// A connection, for as long as actix has it.
pub(super) struct Connection {
    all: Arc<Connections>,
    id: u64,
}

impl Connections {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default(), next: AtomicU64::new(0), crowded: Notify::new() })
    }

    /// For actix, which calls it with each new connection. One whose socket has no second handle is never closed early.
    pub(super) fn opened(self: &Arc<Self>, socket: &dyn Any, data: &mut Extensions) {
        let plain = socket.downcast_ref::<TcpStream>();
        let tls = || Some(socket.downcast_ref::<TlsStream<TcpStream>>()?.get_ref().0);
        let Some(socket) = plain.or_else(tls) else { return };
        let handle = match socket.as_fd().try_clone_to_owned() {
            Ok(handle) => handle.into(),
            Err(error) => {
                log::warn!(
                    event = "connection_unmanaged";
                    "cannot duplicate the handle of an HTTP connection, so it is never closed early: {error}"
                );
                return;
            }
        };
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let open = Open { handle, requests: 0, idle_since: Instant::now(), closed: false };
        let is_crowded = {
            let mut all = self.lock();
            all.insert(id, open);
            all.len() > self.enough()
        };
        data.insert(Connection { all: Arc::clone(self), id });
        if is_crowded {
            self.crowded.notify_one();
        }
    }

    /// Above this many, idle connections are closed.
    fn enough(&self) -> usize {
        self.most - self.most / 4
    }

    /// Whether an answer should be the last one on its connection.
    pub(super) fn is_nearly_full(&self) -> bool {
        self.lock().len() > self.most - self.most / 8
    }

    fn is_crowded(&self) -> bool {
        self.lock().len() > self.enough()
    }

    /// Closes idle connections whenever there are too many, for as long as it is polled.
    pub(super) async fn relieve(&self) {
        let mut said = None;
        loop {
            self.crowded.notified().await;
            while self.is_crowded() {
                let closed = self.close_idle();
                if closed > 0 && said.is_none_or(|at: Instant| at.elapsed() >= SAY) {
                    said = Some(Instant::now());
                    log::warn!(
                        event = "idle_connections_closed", most = self.most;
                        "many HTTP connections are open; closing those that were idle longest"
                    );
                }
                tokio::select! {
                    () = self.crowded.notified() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    }

    /// Closes those that were idle longest until there are few enough, and says how many.
    fn close_idle(&self) -> usize {
        let mut all = self.lock();
        let open = all.values().filter(|connection| !connection.closed).count();
        let surplus = open.saturating_sub(self.enough());
        let is_idle = |open: &Open| !open.closed && open.requests == 0 && open.idle_since.elapsed() >= IDLE;
        let mut idle: Vec<&mut Open> = all.values_mut().filter(|open| is_idle(open)).collect();
        idle.sort_by_key(|open| open.idle_since);
        idle.truncate(surplus);
        for open in &mut idle {
            open.closed = true;
            if let Err(error) = open.handle.shutdown(Shutdown::Both) {
                log::debug!(
                    event = "idle_connection_closed_by_peer";
                    "the peer closed an idle connection first: {error}"
                );
            }
        }
        idle.len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Says that a request is being answered, until the guard is dropped.
    pub(super) fn begin(&self) -> Answering {
        self.change(|open| open.requests += 1);
        Answering { all: Arc::clone(&self.all), id: self.id }
    }

    fn change(&self, change: impl FnOnce(&mut Open)) {
        change_in(&self.all, self.id, change);
    }
}

fn change_in(all: &Connections, id: u64, change: impl FnOnce(&mut Open)) {
    if let Some(open) = all.lock().get_mut(&id) {
        change(open);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.lock().remove(&self.id);
    }
}

/// A request that is being answered on a connection.
pub(super) struct Answering {
    all: Arc<Connections>,
    id: u64,
}

impl Drop for Answering {
    fn drop(&mut self) {
        change_in(&self.all, self.id, |open| {
            open.requests -= 1;
            open.idle_since = Instant::now();
        });
    }
}
