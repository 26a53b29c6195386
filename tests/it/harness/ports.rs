//! Ports that stay free until a program binds them.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering},
    },
};

/// Below the range that the kernel gives to clients, so that no outgoing connection takes a port between our look and the
/// program's bind.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// Every test of this run takes the next one: none is handed out twice before its program has bound it. Another run at the
/// same time most likely began elsewhere.
static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random_range(0..COUNT)));

/// A free loopback address.
pub fn free_address() -> SocketAddr {
    loop {
        let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
