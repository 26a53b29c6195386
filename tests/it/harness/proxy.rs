//! A TCP proxy to put before a neighbour, which breaks the network on request.
//!
//! It runs on a thread of its own, so that a test that blocks (diesel) does not stall the connection it waits for.
//! Every change is in force when its method returns.

use super::{
    ports::Reserved,
    proxy_pump::{Mode, Shared, connection},
};
use std::{net::SocketAddr, sync::Arc, thread::JoinHandle};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// Which way bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the program under test to its neighbour.
    ToServer,
    /// The neighbour's answers.
    ToClient,
}

/// A mode to enter, and whom to tell that it is in force.
type Command = (Mode, std::sync::mpsc::Sender<()>);

/// The proxy; connections end when it is dropped.
#[derive(Debug)]
pub struct ChaosProxy {
    /// Held while it is broken too.
    reserved: Reserved,
    shared: Arc<Shared>,
    commands: Option<mpsc::UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl ChaosProxy {
    /// Forwards to `target` until told otherwise.
    pub fn before(target: SocketAddr) -> Self {
        let (reserved, shared) = (Reserved::any(), Arc::new(Shared::new(target)));
        let address = reserved.address();
        let (commands, received) = mpsc::unbounded_channel();
        let serving = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(serve(address, &serving, received));
        });
        let proxy = Self { reserved, shared, commands: Some(commands), thread: Some(thread) };
        proxy.restore_networking();
        proxy
    }

    /// What the program under test connects to.
    pub fn address(&self) -> SocketAddr {
        self.reserved.address()
    }

    /// Resets all connections and refuses new ones.
    pub fn break_networking(&self) {
        self.enter(Mode::Broken);
    }

    /// Packets vanish: connections stay open, new ones are accepted, nothing passes. What was sent meanwhile passes after
    /// [`Self::restore_networking`]; break first where it must be lost.
    pub fn freeze(&self) {
        self.enter(Mode::Frozen);
    }

    /// Packets of the connections there are vanish for good, as after a failover to another host: they stay open and nothing
    /// comes of them any more, whatever the mode. New ones are not concerned.
    pub fn strand(&self) {
        self.shared.strand();
    }

    /// Requests arrive, answers do not: the neighbour acts and the caller cannot know.
    pub fn freeze_answers(&self) {
        self.enter(Mode::AnswersFrozen);
    }

    /// Back to forwarding; takes back [`Self::cut_after`] too.
    pub fn restore_networking(&self) {
        self.shared.set_cut(None);
        self.enter(Mode::Forwarding);
    }

    /// Lets `bytes` more bytes pass in a direction and closes the connection that carries the next one, once.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.shared.set_cut(Some((direction, bytes)));
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections()
    }

    /// How many bytes passed so far.
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.shared.bytes(direction)
    }

    fn enter(&self, mode: Mode) {
        let (done, in_force) = std::sync::mpsc::channel();
        let commands = self.commands.as_ref().expect("taken in drop only");
        commands.send((mode, done)).expect("the proxy's thread");
        in_force.recv().expect("the proxy's thread");
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        drop(self.commands.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("the proxy before {} had panicked", self.shared.target());
        }
    }
}

async fn serve(address: SocketAddr, shared: &Arc<Shared>, mut commands: mpsc::UnboundedReceiver<Command>) {
    let mut listener = None;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            command = commands.recv() => {
                let Some((mode, done)) = command else { return };
                shared.enter(mode);
                if mode == Mode::Broken {
                    listener = None;
                    while connections.join_next().await.is_some() {}
                } else if listener.is_none() {
                    listener = Some(TcpListener::bind(address).await.expect("the proxy's address"));
                }
                // A test that panicked meanwhile does not listen any more.
                let _ = done.send(());
            }
            client = accept(listener.as_ref()) => {
                connections.spawn(connection(client, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    match listener {
        Some(listener) => listener.accept().await.expect("a connection").0,
        None => std::future::pending().await,
    }
}
