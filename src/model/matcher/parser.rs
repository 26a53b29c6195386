//! From text to matchers, and their quoting.

use super::{Matcher, MatcherError, Operator};
use std::fmt;

/// What an unquoted name or value cannot hold (Alertmanager's own list).
const RESERVED: &[char] = &['{', '}', '!', '=', '~', ',', '\\', '"', '\'', '`'];

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, MatcherError> {
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
        return Err(scanner.error("expected , or }".to_owned()));
    }
    if !scanner.at_end() {
        return Err(scanner.error("expected a comma before the next matcher; quote a value that holds more".to_owned()));
    }
    Ok(matchers)
}

/// Writes what [`parse`] reads back.
pub(super) fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n"))
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

    fn error(&self, problem: String) -> MatcherError {
        let position = self.text.get(..self.at).unwrap_or_default().chars().count() + 1;
        MatcherError { text: self.text.to_owned(), position, problem }
    }

    fn matcher(&mut self) -> Result<Matcher, MatcherError> {
        let label = self.word()?;
        if label.is_empty() {
            return Err(self.error("expected a label's name; write name=\"value\"".to_owned()));
        }
        let operator = self.operator()?;
        self.skip_space();
        let value_at = self.at;
        let quoted = self.rest().starts_with('"');
        let value = self.word()?;
        if value.is_empty() && !quoted {
            return Err(self.error("expected a value; write name=\"value\", or name=\"\" for none".to_owned()));
        }
        Matcher::new(label, operator, value).map_err(|error| {
            self.at = value_at;
            self.error(format!("bad regular expression: {error}"))
        })
    }

    fn operator(&mut self) -> Result<Operator, MatcherError> {
        let all = [Operator::Regex, Operator::NotRegex, Operator::NotEqual, Operator::Equal];
        let found = all.into_iter().find(|operator| self.take(operator.as_str()));
        found.ok_or_else(|| self.error("expected =, !=, =~ or !~; write name=\"value\"".to_owned()))
    }

    /// A quoted text, or else what stands before white space or a reserved character; possibly nothing.
    fn word(&mut self) -> Result<String, MatcherError> {
        if self.take("\"") {
            return self.quoted();
        }
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || RESERVED.contains(&c)).unwrap_or(rest.len());
        self.at += end;
        Ok(rest.get(..end).unwrap_or_default().to_owned())
    }

    /// What follows an opening quote. `\"`, `\\` and `\n` are escapes; any other backslash stays, as in `"web\d+"`.
    fn quoted(&mut self) -> Result<String, MatcherError> {
        let opened_at = self.at - 1;
        let mut value = String::new();
        let mut escaped = false;
        for c in self.rest().chars() {
            self.at += c.len_utf8();
            match (escaped, c) {
                (false, '"') => return Ok(value),
                (false, '\\') => escaped = true,
                (false, c) | (true, c @ ('"' | '\\')) => {
                    value.push(c);
                    escaped = false;
                }
                (true, c) => {
                    value.push_str(if c == 'n' { "\n" } else { "\\" });
                    if c != 'n' {
                        value.push(c);
                    }
                    escaped = false;
                }
            }
        }
        self.at = opened_at;
        Err(self.error("a quote opens here and never closes".to_owned()))
    }
}
