//! Alertmanager's parser up to 0.26, kept by later ones for what only it can read: `a=~"web\d+"`, a value with white space,
//! no value at all, one brace.

use super::{Fault, Matcher, Operator, matcher};

pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, Fault> {
    let start = usize::from(text.starts_with('{'));
    let inner = text.get(start..).unwrap_or_default();
    let inner = inner.strip_suffix('}').unwrap_or(inner);
    let mut matchers = Vec::new();
    let mut at = start;
    let mut pieces = split(inner).peekable();
    while let Some(piece) = pieces.next() {
        // Of the last piece Alertmanager takes white space of every kind away.
        let is_last = pieces.peek().is_none();
        let start = if is_last { piece.len() - piece.trim_start().len() } else { 0 };
        let kept = if is_last { piece.trim() } else { piece };
        if !(is_last && kept.is_empty()) {
            matchers.push(one(kept, at + start)?);
        }
        at += piece.len() + 1;
    }
    Ok(matchers)
}

/// At commas outside of quotes. A comma leaves an escape before it in force, as in Alertmanager.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        match c {
            ',' => return !quoted,
            '"' if escaped => escaped = false,
            '"' => quoted = !quoted,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
        false
    })
}

fn one(piece: &str, at: usize) -> Result<Matcher, Fault> {
    let is_space = |c: char| matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ');
    let offset = |rest: &str| at + piece.len() - rest.len();
    let named = piece.trim_start_matches(is_space);
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = named.find(|c| !in_name(c)).unwrap_or(named.len());
    let (label, rest) = named.split_at_checked(end).unwrap_or_default();
    if label.is_empty() || label.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Fault::new(offset(named), "expected a label's name; write name=\"value\""));
    }
    let rest = rest.trim_start_matches(is_space);
    let found = Operator::ALL.into_iter().find_map(|operator| Some((operator, rest.strip_prefix(operator.as_str())?)));
    let (operator, rest) =
        found.ok_or_else(|| Fault::new(offset(rest), "expected =, !=, =~ or !~; write name=\"value\""))?;
    let rest = rest.trim_start_matches(is_space);
    let value_at = offset(rest);
    let value = unquote(rest.trim_end_matches(is_space));
    let value = value.ok_or_else(|| Fault::new(value_at, "a quote in the value; write \\\" for a literal one"))?;
    matcher(label.to_owned(), operator, value, value_at)
}

/// `\"`, `\\` and `\n` are escapes, any other backslash stays; `None` for a quote that is neither escaped nor one of the two
/// around it.
fn unquote(raw: &str) -> Option<String> {
    let (inner, opened) = raw.strip_prefix('"').map_or((raw, false), |inner| (inner, true));
    let mut value = String::with_capacity(inner.len());
    let mut closed = false;
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('n')) => value.push('\n'),
            ('\\', Some(next @ ('"' | '\\'))) => value.push(*next),
            ('\\', Some(next)) => value.extend(['\\', *next]),
            ('"', None) if opened => closed = true,
            ('"', _) => return None,
            (c, _) => {
                value.push(c);
                continue;
            }
        }
        if c == '\\' {
            chars.next();
        }
    }
    (opened == closed).then_some(value)
}
