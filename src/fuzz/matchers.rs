//! Matchers: what is accepted is written and read back as the same, and matching ends.

use crate::model::matcher::Matchers;
use std::collections::BTreeMap;

/// The text before the first NUL are matchers, what follows is a label's value.
pub(super) fn target(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (text, value) = text.split_once('\0').unwrap_or((&text, "web-1"));
    let matchers = match Matchers::parse(text) {
        Ok(matchers) => matchers,
        Err(error) => {
            let characters = text.chars().count();
            assert!((1..=characters + 1).contains(&error.position), "{error}: {characters} characters");
            return;
        }
    };
    let written = matchers.to_string();
    assert_eq!(Matchers::parse(&written).as_ref(), Ok(&matchers), "{text:?} is written as {written:?}");
    let names = ["alertname", "severity", "instance", "a", ""];
    let labels: BTreeMap<String, String> = names.iter().map(|name| ((*name).to_owned(), value.to_owned())).collect();
    assert_eq!(matchers.matches(&labels), matchers.matches(&labels));
    for name in names {
        let without: BTreeMap<_, _> = labels.clone().into_iter().filter(|(known, _)| known != name).collect();
        assert!(!(matchers.require(name) && matchers.matches(&without)), "{text:?} requires {name:?}");
    }
}
