//! Alertmanager's parser since 0.27: any name and value, quoted with Go's escapes where they hold reserved characters.

use super::{Fault, Matcher, Operator, matcher};

/// What an unquoted name or value cannot hold (Alertmanager's own list).
const RESERVED: &[char] = &['{', '}', '!', '=', '~', ',', '\\', '"', '\'', '`'];

pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, Fault> {
    let mut scanner = Scanner { text, at: 0 };
    let braces = scanner.take("{");
    let mut matchers = Vec::new();
    while !(scanner.at_end() || braces && scanner.peek("}")) {
        matchers.push(scanner.matcher()?);
        if !scanner.take(",") {
            break;
        }
    }
    if braces && !scanner.take("}") {
        return Err(scanner.fault("expected , or }"));
    }
    if !scanner.at_end() {
        return Err(scanner.fault("expected a comma before the next matcher; quote a value that holds more"));
    }
    Ok(matchers)
}

struct Scanner<'t> {
    text: &'t str,
    /// A byte offset, always between characters.
    at: usize,
}

impl<'t> Scanner<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn peek(&mut self, token: &str) -> bool {
        self.skip_space();
        self.rest().starts_with(token)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn at_end(&mut self) -> bool {
        self.peek("") && self.rest().is_empty()
    }

    fn fault(&self, problem: &str) -> Fault {
        Fault::new(self.at, problem)
    }

    fn matcher(&mut self) -> Result<Matcher, Fault> {
        let label = self.word()?.ok_or_else(|| self.fault("expected a label's name; write name=\"value\""))?;
        let operator = self.operator()?;
        self.skip_space();
        let value_at = self.at;
        let value = self.word()?;
        let value = value.ok_or_else(|| self.fault("expected a value; write name=\"value\", or name=\"\" for none"))?;
        matcher(label, operator, value, value_at)
    }

    fn operator(&mut self) -> Result<Operator, Fault> {
        let found = Operator::ALL.into_iter().find(|operator| self.take(operator.as_str()));
        found.ok_or_else(|| self.fault("expected =, !=, =~ or !~; write name=\"value\""))
    }

    /// A quoted text, or else what stands before white space or a reserved character; `None` if nothing does.
    fn word(&mut self) -> Result<Option<String>, Fault> {
        if self.take("\"") {
            return self.quoted().map(Some);
        }
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || RESERVED.contains(&c)).unwrap_or(rest.len());
        self.at += end;
        Ok(rest.get(..end).filter(|word| !word.is_empty()).map(str::to_owned))
    }

    /// What follows an opening quote.
    fn quoted(&mut self) -> Result<String, Fault> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let Some(inner) = end.and_then(|end| rest.get(..end)) else {
            return Err(Fault::new(self.at - 1, "a quote opens here and never closes"));
        };
        let value = unquote(inner).map_err(|problem| self.fault(&problem))?;
        self.at += inner.len() + 1;
        Ok(value)
    }
}

/// Go's rules for a string in double quotes, without the quotes.
fn unquote(inner: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        if c == '\n' {
            return Err("a line break in quotes; write \\n".to_owned());
        }
        let (head, after) = rest.split_at_checked(c.len_utf8()).unwrap_or((rest, ""));
        rest = if c == '\\' { escape(after, &mut bytes)? } else { after };
        if c != '\\' {
            bytes.extend(head.bytes());
        }
    }
    String::from_utf8(bytes).map_err(|_not_text| "the escapes in quotes are not UTF-8 together".to_owned())
}

/// Reads what follows a backslash, and returns the rest.
fn escape<'t>(text: &'t str, bytes: &mut Vec<u8>) -> Result<&'t str, String> {
    let unknown = || "an escape in quotes that Go does not know; write \\\\ for a backslash".to_owned();
    let (kind, after) = text.split_at_checked(1).ok_or_else(unknown)?;
    let (digits, radix) = match kind {
        "x" => (2, 16),
        "u" => (4, 16),
        "U" => (8, 16),
        "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" => (3, 8),
        _ => {
            let known = ["a\x07", "b\x08", "f\x0c", "n\n", "r\r", "t\t", "v\x0b", "\\\\", "\"\""];
            let stands_for = known.iter().find_map(|pair| pair.strip_prefix(kind)).ok_or_else(unknown)?;
            bytes.extend(stands_for.bytes());
            return Ok(after);
        }
    };
    let (number, after) = if radix == 8 { text } else { after }.split_at_checked(digits).ok_or_else(unknown)?;
    let plain = number.chars().all(|c| c.is_digit(radix));
    let number = u32::from_str_radix(number, radix).ok().filter(|_| plain).ok_or_else(unknown)?;
    if digits >= 4 {
        let c = char::from_u32(number).ok_or_else(unknown)?;
        bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
    } else {
        bytes.push(u8::try_from(number).map_err(|_too_large| unknown())?);
    }
    Ok(after)
}
