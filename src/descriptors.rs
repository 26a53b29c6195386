//! The limit of open files of this process, and how it is divided.
//!
//! Every connection that a webhook's sender keeps open takes descriptors. Without a bound, idle senders would leave none for
//! the calls to StackStorm, RabbitMQ and the database.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is kept for everything but HTTP, the database and StackStorm: logs, RabbitMQ, timers, files that are read again.
const BASE: u64 = 128;
/// A SQLite connection has three files open, and one is made while another is given up.
const PER_DATABASE_CONNECTION: u64 = 4;
/// A call to StackStorm has a connection of its own, and resolving a name takes a socket.
const PER_CALL: u64 = 2;
/// A connection of a sender, and a handle by which it can be closed.
const PER_SENDER: u64 = 2;
/// More connections than this would only take memory.
const MOST_SENDERS: u64 = 8_192;
/// Fewer than this is no server.
const FEWEST_SENDERS: u64 = 16;

/// Raises the soft limit of open files to the hard one, as far as the system lets us. Returns what holds now.
pub fn raise_limit() -> u64 {
    let before = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: before.maximum, maximum: before.maximum };
    // Refused: what was there before is still there.
    let now = if setrlimit(Resource::Nofile, wanted).is_ok() { wanted } else { before };
    now.current.unwrap_or(u64::MAX)
}

/// What needs descriptors, apart from the senders of webhooks.
#[derive(Debug, Clone, Copy)]
pub struct Needs {
    /// Connections to databases at most.
    pub database: u32,
    /// Calls to StackStorm at once.
    pub calls: u16,
}

/// How the descriptors are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Open files at most.
    pub limit: u64,
    /// Of these, kept for our own calls.
    pub reserve: u64,
    /// HTTP connections at most.
    pub senders: usize,
}

impl Needs {
    /// Shares out a limit.
    pub fn share(self, limit: u64) -> Shares {
        let (database, calls) = (u64::from(self.database), u64::from(self.calls));
        let reserve = BASE + PER_DATABASE_CONNECTION * database + PER_CALL * calls;
        let senders = (limit.saturating_sub(reserve) / PER_SENDER).clamp(FEWEST_SENDERS, MOST_SENDERS);
        Shares { limit, reserve, senders: usize::try_from(senders).unwrap_or(usize::MAX) }
    }
}

impl Shares {
    /// False when the limit is too low even for the fewest connections.
    pub fn is_enough(&self) -> bool {
        self.limit >= self.needed()
    }

    /// The lowest limit that is enough.
    pub fn needed(&self) -> u64 {
        self.reserve + PER_SENDER * FEWEST_SENDERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: Needs = Needs { database: 16, calls: 32 };

    #[test]
    fn senders_get_what_our_own_calls_leave() {
        assert_eq!(DEFAULTS.share(1024), Shares { limit: 1024, reserve: 256, senders: 384 });
        assert_eq!(DEFAULTS.share(65_536).senders, 8_192);
        assert_eq!(DEFAULTS.share(u64::MAX).senders, 8_192);
    }

    #[test]
    fn a_limit_that_is_too_low_is_known() {
        let low = DEFAULTS.share(256);
        assert_eq!((low.senders, low.is_enough(), low.needed()), (16, false, 288));
        assert!(DEFAULTS.share(288).is_enough());
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let raised = raise_limit();
        let now = getrlimit(Resource::Nofile);
        assert_eq!((now.current, now.current.unwrap_or(u64::MAX)), (now.maximum, raised));
    }
}
