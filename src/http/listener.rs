//! Binds the listen addresses before the server starts.
//!
//! Binding comes first in the life of a process: an address that is taken is then the first thing that is said, and nothing
//! else has begun. Listening comes last: until then connections are refused, as by a process that is not there, and no
//! sender waits in a queue that nothing empties.

use crate::config::ListenAddress;
use rustix::io::Errno;
use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener, ToSocketAddrs},
};
use tokio::net::TcpSocket;

/// In a storm Alertmanager opens a connection per group, all at once.
const BACKLOG: u32 = 4096;

/// An address that cannot be listened on. Names the variable and says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{variable}={listen} cannot be listened on: {advice}")]
pub struct ListenError {
    variable: &'static str,
    listen: String,
    advice: &'static str,
    source: io::Error,
}

/// Bound sockets, one for each address that a name has; nothing is accepted yet.
#[derive(Debug)]
pub struct Listener {
    variable: &'static str,
    asked: ListenAddress,
    sockets: Vec<TcpSocket>,
    addresses: Vec<SocketAddr>,
    most: usize,
}

impl Listener {
    /// Binds, for so many connections at most. With port 0 the first address takes any free port, and the others the same.
    pub fn bind(variable: &'static str, asked: &ListenAddress, most: usize) -> Result<Self, ListenError> {
        let mut this = Self { variable, asked: asked.clone(), sockets: Vec::new(), addresses: Vec::new(), most };
        let mut not_ours = None;
        for address in this.resolve()? {
            let port = this.addresses.first().map_or(address.port(), SocketAddr::port);
            match bind(SocketAddr::new(address.ip(), port)) {
                Ok((socket, address)) => {
                    this.sockets.push(socket);
                    this.addresses.push(address);
                }
                // `localhost` names ::1 on hosts that have no IPv6 too.
                Err(error) if is_missing(&error) => not_ours = Some(error),
                Err(error) => return Err(this.error(error)),
            }
        }
        match not_ours {
            Some(error) if this.sockets.is_empty() => Err(this.error(error)),
            _ => Ok(this),
        }
    }

    /// Where it is bound; never empty.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// How many connections there may be at once.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// What was asked for.
    pub(super) fn asked(&self) -> &ListenAddress {
        &self.asked
    }

    /// Whether this host alone can reach it.
    pub(super) fn is_loopback(&self) -> bool {
        self.addresses.iter().all(|address| address.ip().to_canonical().is_loopback())
    }

    /// Begins to take connections. Must be called on a tokio runtime.
    pub(super) fn listen(self) -> Result<Vec<TcpListener>, ListenError> {
        let Self { variable, asked, sockets, .. } = self;
        let listen = |socket: TcpSocket| socket.listen(BACKLOG)?.into_std();
        let listeners: io::Result<Vec<TcpListener>> = sockets.into_iter().map(listen).collect();
        listeners.map_err(|source| error(variable, &asked, source))
    }

    fn resolve(&self) -> Result<Vec<SocketAddr>, ListenError> {
        let found = (self.asked.host().as_str(), self.asked.port()).to_socket_addrs();
        let mut addresses: Vec<SocketAddr> = match found {
            Ok(found) => found.collect(),
            Err(source) => return Err(self.unknown(source)),
        };
        let mut seen = std::collections::HashSet::new();
        addresses.retain(|address| seen.insert(*address));
        if addresses.is_empty() {
            return Err(self.unknown(ErrorKind::NotFound.into()));
        }
        Ok(addresses)
    }

    fn unknown(&self, source: io::Error) -> ListenError {
        let advice = "the name has no address; write an IP address, such as 127.0.0.1:8000";
        ListenError { variable: self.variable, listen: self.asked.to_string(), advice, source }
    }

    fn error(&self, source: io::Error) -> ListenError {
        error(self.variable, &self.asked, source)
    }
}

fn error(variable: &'static str, listen: &ListenAddress, source: io::Error) -> ListenError {
    let advice = match source.kind() {
        ErrorKind::AddrInUse => "another process listens there; stop it, or set another port",
        ErrorKind::PermissionDenied => "ports below 1024 need the right CAP_NET_BIND_SERVICE; set a higher port",
        _ if is_missing(&source) => "this machine has no such address; 0.0.0.0 stands for all of its addresses",
        _ => "the system refuses it",
    };
    ListenError { variable, listen: listen.to_string(), advice, source }
}

fn bind(address: SocketAddr) -> io::Result<(TcpSocket, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart does not wait for the connections of the process before. A socket that listens is refused all the same.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(text: &str) -> Result<Listener, ListenError> {
        Listener::bind("POUNDCAKE_LISTEN", &text.parse().unwrap(), 16)
    }

    #[tokio::test]
    async fn a_name_is_listened_on_at_all_its_addresses_with_one_port() {
        let listener = bind("localhost:0").unwrap();
        assert!(listener.is_loopback());
        let port = listener.addresses()[0].port();
        assert!(port != 0 && listener.addresses().iter().all(|address| address.port() == port));
        let address = listener.addresses()[0];
        assert!(std::net::TcpStream::connect(address).is_err(), "nothing is taken before it serves");
        let listening = listener.listen().unwrap();
        assert!(std::net::TcpStream::connect(address).is_ok());
        drop(listening);
    }

    #[test]
    fn an_address_that_cannot_be_used_is_named_with_the_reason_and_what_to_do() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = holder.local_addr().unwrap().to_string();
        for (text, words) in [
            (taken.as_str(), "another process listens there; stop it, or set another port"),
            ("192.0.2.1:8000", "this machine has no such address"),
            ("no-such-host.invalid:8000", "the name has no address"),
        ] {
            let error = bind(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("POUNDCAKE_LISTEN={text} ")) && error.contains(words), "{error}");
        }
    }
}
