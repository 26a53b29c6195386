//! Sets of characters: `[…]`, `\d`, `\pN`.

use super::escape;
use regex::Regex;

pub(super) const ANY_BUT_NEWLINE: &str = r"[^\n]";
const ANY: &str = r"[\x{0}-\x{10ffff}]";
const NONE: &str = r"[^\x{0}-\x{10ffff}]";
const SURROGATES: std::ops::RangeInclusive<u32> = 0xd800..=0xdfff;

/// One character as a set of its own; half of a surrogate pair is in no text.
pub(super) fn point(point: u32) -> String {
    char::from_u32(point).map_or_else(|| NONE.to_owned(), escape::literal)
}

/// `\d`, `\pN` and their like at the start of `rest`, as a class that stands alone and in brackets; `None` for any other
/// escape.
pub(super) fn escaped(rest: &mut &str) -> Result<Option<String>, String> {
    let Some(kind) = rest.strip_prefix('\\').and_then(|text| text.chars().next()) else { return Ok(None) };
    let class = match kind {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[\t\n\x0c\r\x20]",
        'S' => r"[^\t\n\x0c\r\x20]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        'p' | 'P' => return property(rest, kind).map(Some),
        _ => return Ok(None),
    };
    *rest = rest.get(2..).unwrap_or_default();
    Ok(Some(class.to_owned()))
}

/// `\pN`, `\p{Greek}`, `\p{^Greek}`, and with `\P` their opposite: a general category or a script, as in Go.
fn property(rest: &mut &str, kind: char) -> Result<String, String> {
    let text = rest.get(2..).unwrap_or_default();
    let (name, after) = match text.strip_prefix('{') {
        Some(text) => text.split_once('}').ok_or(r"\p{ is never closed")?,
        None => text.split_at_checked(text.chars().next().map_or(0, char::len_utf8)).unwrap_or_default(),
    };
    let (negated, name) = name.strip_prefix('^').map_or((kind == 'P', name), |name| (kind == 'p', name));
    let letter = if negated { 'P' } else { 'p' };
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || " _-".contains(c));
    let known = ["gc", "sc"].into_iter().map(|of| format!(r"\{letter}{{{of}={name}}}"));
    let found = known.filter(|_| plain).find(|class| Regex::new(class).is_ok());
    *rest = after;
    found.ok_or_else(|| format!(r"\p{{{name}}} is not a Unicode category or script"))
}

/// A whole `[…]` at the start of `rest`.
pub(super) fn bracketed(rest: &mut &str) -> Result<String, String> {
    let mut text = rest.get(1..).unwrap_or_default();
    let negated = text.starts_with('^');
    text = text.strip_prefix('^').unwrap_or(text);
    let mut items = String::new();
    let mut first = true;
    while first || !text.starts_with(']') {
        first = false;
        items.push_str(&item(&mut text)?);
    }
    *rest = text.get(1..).unwrap_or_default();
    Ok(match (negated, items.is_empty()) {
        (false, false) => format!("[{items}]"),
        (true, false) => format!("[^{items}]"),
        (false, true) => NONE.to_owned(),
        (true, true) => ANY.to_owned(),
    })
}

fn item(text: &mut &str) -> Result<String, String> {
    if let Some(class) = named(text)? {
        return Ok(class);
    }
    if let Some(class) = escaped(text)? {
        return Ok(class);
    }
    let low = end_point(text)?;
    let mut high = low;
    if let Some(after) = text.strip_prefix('-').filter(|after| !after.is_empty() && !after.starts_with(']')) {
        *text = after;
        high = end_point(text)?;
    }
    if high < low {
        return Err("a range in brackets runs from high to low".to_owned());
    }
    Ok(range(low, high))
}

/// `[:alpha:]` or `[:^alpha:]`: the crate has the same ones, in ASCII too.
fn named(text: &mut &str) -> Result<Option<String>, String> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
        "word", "xdigit",
    ];
    let Some((name, after)) = text.strip_prefix("[:").and_then(|text| text.split_once(":]")) else { return Ok(None) };
    if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Err(format!("[:{name}:] is not a set that RE2 knows"));
    }
    *text = after;
    Ok(Some(format!("[:{name}:]")))
}

fn end_point(text: &mut &str) -> Result<u32, String> {
    let c = text.chars().next().ok_or("a [ is never closed; write \\[ for a literal one")?;
    if c == '\\' {
        return escape::code_point(text);
    }
    *text = text.get(c.len_utf8()..).unwrap_or_default();
    Ok(u32::from(c))
}

/// Without surrogates, which the crate does not take as ends; empty if nothing else is left.
fn range(low: u32, high: u32) -> String {
    let low = if SURROGATES.contains(&low) { SURROGATES.end() + 1 } else { low };
    let high = if SURROGATES.contains(&high) { SURROGATES.start() - 1 } else { high };
    if low <= high { format!(r"\x{{{low:x}}}-\x{{{high:x}}}") } else { String::new() }
}
