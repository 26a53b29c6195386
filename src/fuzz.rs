//! What is fuzzed: functions that take any bytes and panic where a promise is broken.
//!
//! The tests below run each of them on seeds and on mutations of these, the same ones each time. `fuzz/` runs the same
//! functions under libFuzzer ([CONTRIBUTING.md](../CONTRIBUTING.md#fuzzing)). Compiled for tests and with the feature
//! `fuzzing` only.

mod cursors;
mod matchers;
mod templates;
mod webhook;

/// Takes any bytes; panics where a promise is broken.
pub type Target = fn(&[u8]);

/// All of them, by the names that `fuzz/fuzz_targets` and `fuzz/seeds` have.
pub const TARGETS: [(&str, Target); 6] = [
    ("webhook", webhook::target),
    ("matchers", matchers::target),
    ("templates", templates::target),
    ("cursors", cursors::target),
    ("stream", crate::stackstorm::stream::fuzz_target),
    ("tokens", crate::http::fuzz_tokens),
];

/// The target of this name.
///
/// # Panics
/// If there is none.
pub fn target(name: &str) -> Target {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.map_or_else(|| panic!("no target is called {name}"), |(_, target)| *target)
}

#[cfg(test)]
mod tests;
