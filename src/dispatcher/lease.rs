//! The parts of a lease: first the claim is fresh and a call may begin, then the call may run into its timeout, and in
//! what remains its end is recorded. So every call is over before another dispatcher can have the claim.

use crate::retry::WithinDelivery;
use std::time::Duration;

/// How long a claim is fresh enough to post: a process that was stopped longer gives the row back.
const FRESH: Duration = Duration::from_secs(10);
/// The part of a lease for recording the result, in addition to the backoff within a delivery and the call.
const LEASE_SLACK: Duration = Duration::from_secs(30);

/// How long a claim is ours, and how long fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// How long a claim is ours.
    pub length: Duration,
    /// Nothing is posted later than this after the claim.
    pub fresh: Duration,
}

impl Lease {
    /// Divides a lease; `Err` is the shortest that the HTTP timeout permits. Recording is as quick as a call may be slow,
    /// so a shorter timeout permits a shorter slack.
    pub fn divide(length: Duration, http_timeout: Duration) -> Result<Self, Duration> {
        let slack = LEASE_SLACK.min(http_timeout);
        let shortest = WithinDelivery::LONGEST + http_timeout + slack;
        if length < shortest {
            return Err(shortest);
        }
        Ok(Self { length, fresh: FRESH.min(length.saturating_sub(http_timeout + slack)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_over_before_its_lease_ends() {
        let seconds = Duration::from_secs;
        let default = Lease::divide(seconds(120), seconds(35));
        assert_eq!(default, Ok(Lease { length: seconds(120), fresh: FRESH }));
        assert_eq!(Lease::divide(seconds(69), seconds(35)), Err(seconds(70)));
        assert_eq!(Lease::divide(seconds(7), seconds(1)).map(|lease| lease.fresh), Ok(seconds(5)));
        for timeout in [1, 5, 35, 100] {
            let shortest = Lease::divide(Duration::ZERO, seconds(timeout)).unwrap_err();
            let lease = Lease::divide(shortest, seconds(timeout)).unwrap();
            assert!(lease.fresh + seconds(timeout) < lease.length, "{lease:?}");
            assert!(lease.fresh >= WithinDelivery::LONGEST, "{lease:?}");
        }
    }
}
