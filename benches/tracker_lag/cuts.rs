//! A way to the stream that is cut from time to time, whatever is being sent.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::net::{TcpListener, TcpStream};

/// The proxy.
pub(crate) struct Cuts {
    address: SocketAddr,
    made: Arc<AtomicU64>,
}

impl Cuts {
    /// Starts it; each connection lives until the next cut.
    pub(crate) async fn before(target: SocketAddr, every: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, made) = (listener.local_addr()?, Arc::new(AtomicU64::new(0)));
        let count = Arc::clone(&made);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    if tokio::time::timeout(every, carry(client, target)).await.is_err() {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Ok(Self { address, made })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often a connection was cut.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}

async fn carry(mut client: TcpStream, target: SocketAddr) -> io::Result<()> {
    let mut server = TcpStream::connect(target).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
