//! Text of foreign origin, made to fit a column: no text makes an insert fail.

use std::borrow::Cow;

/// Cuts to `max_chars` characters (a `VARCHAR(n)` counts those) and replaces NUL, which SQLite's C strings and many
/// a reader of the table stop at, by U+FFFD.
pub fn column(text: &str, max_chars: usize) -> Cow<'_, str> {
    let cut = text.char_indices().nth(max_chars).map_or(text, |(end, _)| &text[..end]);
    if cut.contains('\0') { Cow::Owned(cut.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(cut) }
}

#[cfg(test)]
mod tests {
    use super::column;

    #[test]
    fn a_text_is_cut_between_characters_not_inside_them() {
        assert_eq!(column("Plattenfüllstand", 9), "Plattenfü");
        assert_eq!(column("kurz", 4), "kurz");
        assert_eq!(column("🔥🔥", 1), "🔥");
        assert_eq!(column("x", 0), "");
    }

    #[test]
    fn a_nul_becomes_the_replacement_character() {
        assert_eq!(column("a\0b\0", 3), "a\u{FFFD}b");
    }
}
