//! One proxied connection: bytes both ways, held, cut or reset as the proxy's mode says.

use super::proxy::Direction;
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};

/// What the network does at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Bytes pass both ways.
    Forwarding,
    /// Nobody listens; connections are reset.
    Broken,
    /// Nothing passes.
    Frozen,
    /// Bytes pass to the server only.
    AnswersFrozen,
}

impl Mode {
    fn holds(self, direction: Direction) -> bool {
        // Broken too: what a frozen network held must not slip through before its connection is reset.
        matches!(self, Self::Frozen | Self::Broken) || (self == Self::AnswersFrozen && direction == Direction::ToClient)
    }
}

/// What the proxy and its connections share.
#[derive(Debug)]
pub struct Shared {
    target: SocketAddr,
    mode: watch::Sender<Mode>,
    cut: Mutex<Option<(Direction, u64)>>,
    connections: AtomicU64,
    /// Connections with a smaller number pass nothing any more.
    stranded: AtomicU64,
    to_server: AtomicU64,
    to_client: AtomicU64,
}

impl Shared {
    /// Broken until the proxy listens.
    pub fn new(target: SocketAddr) -> Self {
        let mode = watch::Sender::new(Mode::Broken);
        let [connections, stranded, to_server, to_client] = [(); 4].map(|()| AtomicU64::new(0));
        Self { target, mode, cut: Mutex::default(), connections, stranded, to_server, to_client }
    }

    /// The neighbour.
    pub fn target(&self) -> SocketAddr {
        self.target
    }

    /// Tells every connection.
    pub fn enter(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// The next cut, or none.
    pub fn set_cut(&self, cut: Option<(Direction, u64)>) {
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    }

    /// Accepted so far.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    /// Every connection so far.
    pub fn strand(&self) {
        self.stranded.store(self.connections(), Ordering::SeqCst);
    }

    /// Passed so far.
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.counter(direction).load(Ordering::SeqCst)
    }

    fn counter(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }

    /// How many of `bytes` may pass before the cut; a cut that is reached is used up.
    fn allowed(&self, direction: Direction, bytes: u64) -> u64 {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        match *cut {
            Some((cut_direction, left)) if cut_direction == direction => {
                *cut = if bytes > left { None } else { Some((direction, left - bytes)) };
                bytes.min(left)
            }
            _ => bytes,
        }
    }
}

/// Serves one accepted connection to its end.
pub async fn connection(mut client: TcpStream, shared: Arc<Shared>) {
    let number = shared.connections.fetch_add(1, Ordering::SeqCst);
    let mut mode = shared.mode.subscribe();
    let forwarded = tokio::select! {
        forwarded = forward(&mut client, number, &shared) => forwarded,
        _ = mode.wait_for(|mode| *mode == Mode::Broken) => Err(io::ErrorKind::ConnectionReset.into()),
    };
    // A cut is an orderly close, so that the bytes before it arrive; everything else is a reset.
    if forwarded.is_err_and(|e| e.kind() != io::ErrorKind::UnexpectedEof) {
        drop(client.set_zero_linger());
    }
}

async fn forward(client: &mut TcpStream, number: u64, shared: &Shared) -> io::Result<()> {
    open(shared, number, Direction::ToServer).await;
    let mut server = TcpStream::connect(shared.target).await?;
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    tokio::try_join!(
        pump(client_read, server_write, Direction::ToServer, number, shared),
        pump(server_read, client_write, Direction::ToClient, number, shared),
    )?;
    Ok(())
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    direction: Direction,
    number: u64,
    shared: &Shared,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        open(shared, number, direction).await;
        if read == 0 {
            return to.shutdown().await;
        }
        let allowed = shared.allowed(direction, u64::try_from(read).expect("64 KiB"));
        to.write_all(&buffer[..usize::try_from(allowed).expect("64 KiB")]).await?;
        shared.counter(direction).fetch_add(allowed, Ordering::SeqCst);
        if allowed < u64::try_from(read).expect("64 KiB") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Waits until the network lets bytes of a connection pass in a direction.
async fn open(shared: &Shared, number: u64, direction: Direction) {
    // The sender lives in `shared`, so the wait ends with a mode, never with a closed channel.
    drop(shared.mode.subscribe().wait_for(|mode| !mode.holds(direction)).await);
    if number < shared.stranded.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
}
