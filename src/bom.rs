//! The byte order mark that some editors and libraries write before UTF-8 text. It does not belong to the text.

/// The text without it.
pub fn without(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// Takes it off a text that may not be UTF-8.
pub fn remove(text: &mut Vec<u8>) {
    const BOM: &[u8] = "\u{FEFF}".as_bytes();
    if text.starts_with(BOM) {
        text.drain(..BOM.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mark_at_the_beginning_goes_and_nothing_else() {
        assert_eq!(without("\u{FEFF}a\u{FEFF}"), "a\u{FEFF}");
        assert_eq!(without("a"), "a");
        let mut bytes = b"\xEF\xBB\xBF{}".to_vec();
        remove(&mut bytes);
        remove(&mut bytes);
        assert_eq!(bytes, b"{}");
    }
}
