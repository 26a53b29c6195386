//! How many wrong tokens an address may show: ten a minute. At the form where people sign in, each try counts until it was
//! right, so that a guess that is right is not told. Elsewhere wrong tokens alone count: a client with a right one is never
//! kept waiting by others that share its address, which behind a proxy are all.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Wrong tokens in [`WINDOW`] until the address has to wait.
const TRIES: u32 = 10;
pub(super) const WINDOW: Duration = Duration::from_mins(1);
/// Addresses that are remembered: a bound on memory. When it is full, new addresses have to wait.
const ADDRESSES: usize = 10_000;

/// What an address may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Go on.
    Allowed,
    /// Wait; it is the first time in this window that this is said.
    FirstRefused,
    /// Wait.
    Refused,
}

/// Wrong tokens, by the address that they came from.
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<Option<IpAddr>, (Instant, u32)>>);

impl Attempts {
    /// Whether this address may try now. Counted as wrong until [`Self::forgive`]: tries at the same time count too.
    pub(super) fn begin(&self, address: Option<IpAddr>, now: Instant) -> Attempt {
        let mut wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = address.map(network);
        if wrong.len() >= ADDRESSES {
            wrong.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
        }
        if wrong.len() >= ADDRESSES && !wrong.contains_key(&address) {
            return Attempt::Refused;
        }
        let (since, tries) = wrong.entry(address).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *tries) = (now, 0);
        }
        *tries = tries.saturating_add(1);
        match *tries {
            ..=TRIES => Attempt::Allowed,
            tries if tries == TRIES + 1 => Attempt::FirstRefused,
            _ => Attempt::Refused,
        }
    }

    /// The token was right.
    pub(super) fn forgive(&self, address: Option<IpAddr>) {
        let mut wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tries)) = wrong.get_mut(&address.map(network)) {
            *tries = tries.saturating_sub(1);
        }
    }
}

/// Who has one IPv6 address has a /64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
