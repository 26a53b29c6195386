//! Texts for people: errors and answers, as one short line.

use crate::logging::chain;
use std::error::Error;

/// The chain of causes in one line: reqwest's own text ("error sending request") says nothing without them.
pub(super) fn describe(error: &dyn Error) -> String {
    shorten(&chain(error))
}

/// One line of at most 500 characters.
pub(super) fn shorten(text: &str) -> String {
    const LIMIT: usize = 500;
    let mut line: String = text.chars().take(LIMIT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LIMIT).is_some() {
        line.push('…');
    }
    line
}

/// A 401 for an unknown key holds its hash: no secret, but nothing to spread either.
pub(super) fn hide_key_hash(words: &str) -> String {
    let Some((before, after)) = words.split_once("key_hash=") else { return words.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    format!("{before}key_hash=…{rest}")
}

/// What a page looks like without its tags.
pub(super) fn without_tags(page: &str) -> String {
    let mut inside = false;
    let text = page.chars().filter_map(|c| match c {
        '<' => {
            inside = true;
            Some(' ')
        }
        '>' if inside => {
            inside = false;
            None
        }
        _ => (!inside).then_some(c),
    });
    text.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}
