//! Tries, forgiveness, networks and the bound on memory.

use super::*;
use Attempt::{Allowed, FirstRefused, Refused};

#[test]
fn ten_wrong_tokens_a_minute_and_then_the_address_waits() {
    let (attempts, begun) = (Attempts::default(), Instant::now());
    let address = Some(IpAddr::from([10, 0, 0, 1]));
    for _ in 0..TRIES {
        assert_eq!(attempts.begin(address, begun), Allowed);
    }
    assert_eq!(attempts.begin(address, begun), FirstRefused);
    assert_eq!(attempts.begin(address, begun), Refused);
    assert_eq!(attempts.begin(Some(IpAddr::from([10, 0, 0, 2])), begun), Allowed, "another address");
    assert_eq!(attempts.begin(address, begun + WINDOW), Allowed);
}

#[test]
fn a_right_token_costs_nothing() {
    let (attempts, begun) = (Attempts::default(), Instant::now());
    for _ in 0..100 {
        assert_eq!(attempts.begin(None, begun), Allowed);
        attempts.forgive(None);
    }
}

#[test]
fn the_addresses_of_one_network_share_their_tries() {
    let of = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    let (attempts, begun) = (Attempts::default(), Instant::now());
    for n in 0..TRIES {
        assert_eq!(attempts.begin(of(&format!("2001:db8::{n}")), begun), Allowed);
    }
    assert_eq!(attempts.begin(of("2001:db8::ffff"), begun), FirstRefused);
    assert_eq!(attempts.begin(of("2001:db8:0:1::1"), begun), Allowed);
}

#[test]
fn a_full_memory_lets_no_new_address_try() {
    let (attempts, begun) = (Attempts::default(), Instant::now());
    for n in 0..u32::try_from(ADDRESSES).unwrap() {
        assert_eq!(attempts.begin(Some(IpAddr::from(n.to_be_bytes())), begun), Allowed);
    }
    let new = Some(IpAddr::from([255, 0, 0, 1]));
    assert_eq!(attempts.begin(new, begun), Refused);
    assert_eq!(attempts.begin(new, begun + WINDOW), Allowed);
}
