//! Tries, forgiveness, networks and the bound on memory.

use super::*;

#[test]
fn ten_wrong_tokens_a_minute_and_then_the_address_waits() {
    let (attempts, begun) = (Attempts::default(), Instant::now());
    let address = Some(IpAddr::from([10, 0, 0, 1]));
    for _ in 0..TRIES {
        assert!(attempts.begin(address, begun));
    }
    assert!(!attempts.begin(address, begun));
    assert!(attempts.begin(Some(IpAddr::from([10, 0, 0, 2])), begun), "another address");
    assert!(attempts.begin(address, begun + WINDOW));
}

#[test]
fn a_right_token_costs_nothing() {
    let (attempts, begun) = (Attempts::default(), Instant::now());
    for _ in 0..100 {
        assert!(attempts.begin(None, begun));
        attempts.forgive(None);
    }
}

#[test]
fn the_addresses_of_one_network_share_their_tries() {
    let of = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    let (attempts, begun) = (Attempts::default(), Instant::now());
    for n in 0..TRIES {
        assert!(attempts.begin(of(&format!("2001:db8::{n}")), begun));
    }
    assert!(!attempts.begin(of("2001:db8::ffff"), begun));
    assert!(attempts.begin(of("2001:db8:0:1::1"), begun));
}

#[test]
fn a_full_memory_lets_no_new_address_try() {
    let (attempts, begun) = (Attempts::default(), Instant::now());
    for n in 0..u32::try_from(ADDRESSES).unwrap() {
        assert!(attempts.begin(Some(IpAddr::from(n.to_be_bytes())), begun));
    }
    let new = Some(IpAddr::from([255, 0, 0, 1]));
    assert!(!attempts.begin(new, begun));
    assert!(attempts.begin(new, begun + WINDOW));
}
