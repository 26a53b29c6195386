//! Ports that stay free until a program binds them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// A free loopback address. Below the range that the kernel gives to clients, so that no outgoing connection takes it
/// between this look and the program's bind.
pub fn free_address() -> SocketAddr {
    loop {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, rand::random_range(10_000..20_000)));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
