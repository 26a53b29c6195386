//! Durations, states and links.

use super::*;

#[test]
fn durations_are_short() {
    let table = [
        (0.0, "0.000 s"),
        (0.051, "0.051 s"),
        (41.04, "41.0 s"),
        (127.0, "2 min 07 s"),
        (5_160.0, "1 h 26 min"),
        (1e9, "11574 d"),
    ];
    for (seconds, text) in table {
        assert_eq!(duration(seconds), text);
    }
    assert_eq!(
        (age(59), age(3_600), count(1, "alert"), count(0, "alert")),
        ("59 s".into(), "1 h 00 min".into(), "1 alert".into(), "0 alerts".into())
    );
}

#[test]
fn a_state_is_a_class_and_an_escaped_word() {
    assert_eq!(State::dispatch(DispatchStatus::Held).to_string(), r#"<span class="st hold">held</span>"#);
    assert_eq!(State::execution(Some("<b>")).to_string(), r#"<span class="st busy half">&#60;b&#62;</span>"#);
    assert_eq!(State::execution(Some("")).to_string(), r#"<span class="st idle">unknown</span>"#);
}

#[test]
fn only_web_addresses_are_links() {
    assert!(link("https://runbooks.example.net/x").is_some());
    for text in ["javascript:alert(1)", "data:text/html,x", "//x", "runbook", ""] {
        assert!(link(text).is_none(), "{text}");
    }
}
