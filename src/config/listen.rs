//! An address to listen on, as it is written: `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// A host and a port. A name is resolved when it is listened on; port 0 stands for any free port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Ip(IpAddr),
    Name(String),
}

/// A text that is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write an IP address or a name, and a port, such as 127.0.0.1:8000, 0.0.0.0:8000, [::1]:8000 or localhost:8000"
)]
pub struct NotAnAddress;

impl ListenAddress {
    /// The host, without the brackets of an IPv6 address.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name.clone(),
        }
    }

    /// The port; 0 for any free one.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host: Host::Ip(address.ip()), port: address.port() }
    }
}

impl FromStr for ListenAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim();
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let (name, port) = text.rsplit_once(':').ok_or(NotAnAddress)?;
        let is_name = name
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
        // 127.0.0.256 is a mistake and no name.
        let has_letter = name.chars().any(|c| c.is_ascii_alphabetic());
        let port = port.parse().map_err(|_not_a_port| NotAnAddress)?;
        if is_name && has_letter { Ok(Self { host: Host::Name(name.to_owned()), port }) } else { Err(NotAnAddress) }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(ip) => write!(f, "{}", SocketAddr::from((*ip, self.port))),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests;
