//! Ports that are held for a program until the test ends.

use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpSocket;

/// A loopback address that is bound here; the program that gets it listens on it.
///
/// Linux lets several sockets bind one address as long as all of them asked for `SO_REUSEADDR` and none listens. So the
/// program can bind it and listen, again after each kill, and no other program ever gets the port: not by asking for port 0,
/// and not for a connection of its own.
#[derive(Debug)]
pub struct Reserved {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Reserved {
    /// Takes any free port.
    pub fn any() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("SO_REUSEADDR");
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let address = socket.local_addr().expect("its address");
        Self { address, _socket: socket }
    }

    /// Where the program is to listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
