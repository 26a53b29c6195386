//! Addresses that can be listened on.

use super::*;

#[test]
fn an_address_is_a_host_and_a_port() {
    for (text, host, port) in [
        ("127.0.0.1:8000", "127.0.0.1", 8000),
        ("[::1]:0", "::1", 0),
        ("localhost:8000", "localhost", 8000),
        ("pound-cake.example:80", "pound-cake.example", 80),
    ] {
        let address: ListenAddress = text.parse().unwrap();
        assert_eq!((address.host().as_str(), address.port(), address.to_string().as_str()), (host, port, text));
    }
}

#[test]
fn an_invalid_address_gets_an_error_that_shows_a_valid_one() {
    for wrong in ["", "localhost", "8000", ":8000", "127.0.0.1", "127.0.0.256:80", "::1:x", "a b:1", "host:99999"] {
        assert!(wrong.parse::<ListenAddress>().unwrap_err().to_string().contains("localhost:8000"), "{wrong}");
    }
}
