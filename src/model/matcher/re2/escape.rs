//! One character, written or escaped.

/// A character that stands for itself, so that the crate reads nothing else into it.
pub(super) fn literal(c: char) -> String {
    if c.is_ascii_alphanumeric() { c.to_string() } else { format!(r"\x{{{:x}}}", u32::from(c)) }
}

/// What an escape at the start of `rest` stands for, as a number: Go knows halves of surrogate pairs too.
pub(super) fn code_point(rest: &mut &str) -> Result<u32, String> {
    let text = rest.get(1..).unwrap_or_default();
    let c = text.chars().next().ok_or("a backslash ends the expression; write \\\\ for a literal one")?;
    let after = text.get(c.len_utf8()..).unwrap_or_default();
    let octal = |text: &str| text.starts_with(|c: char| c.is_digit(8));
    let (point, after) = match c {
        'a' => (0x07, after),
        'f' => (0x0c, after),
        'n' => (0x0a, after),
        'r' => (0x0d, after),
        't' => (0x09, after),
        'v' => (0x0b, after),
        'x' => hexadecimal(after)?,
        '0' => octal_number(text),
        '1'..='7' if octal(after) => octal_number(text),
        '1'..='9' => return Err(format!(r"\{c} is a backreference, which RE2 does not have")),
        _ if c.is_ascii() && !c.is_ascii_alphanumeric() => (u32::from(c), after),
        _ => return Err(format!(r"\{c} is not an escape that RE2 knows")),
    };
    *rest = after;
    Ok(point)
}

/// Up to three digits.
fn octal_number(text: &str) -> (u32, &str) {
    let digits = text.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    let (digits, after) = text.split_at_checked(digits).unwrap_or((text, ""));
    (u32::from_str_radix(digits, 8).unwrap_or_default(), after)
}

/// `\x7F` or `\x{10FFFF}`.
fn hexadecimal(text: &str) -> Result<(u32, &str), String> {
    let braced = text.strip_prefix('{').and_then(|text| text.split_once('}'));
    let (digits, after) = braced.or_else(|| text.split_at_checked(2)).unwrap_or_default();
    let hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let point = if hex { u32::from_str_radix(digits, 16).ok() } else { None };
    let point = point.filter(|point| *point <= u32::from(char::MAX));
    point.map(|point| (point, after)).ok_or_else(|| r"\x wants two hex digits, or \x{…} with up to 10FFFF".to_owned())
}
