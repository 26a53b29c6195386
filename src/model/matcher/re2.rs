//! Go's regular expressions (RE2's syntax, which Alertmanager compiles) written for the `regex` crate.
//!
//! The two read the same text differently: in Go `\w`, `\d`, `\s` and `\b` are ASCII, `[a&&b]` and `{,20}` are literal text,
//! `\Q…\E` quotes, `\012` is octal. [`translate`] reads the text as Go does and writes each part so that the crate can
//! read it in one way only. What Go refuses is refused here too, with the reason.

mod class;
mod escape;

use class::ANY_BUT_NEWLINE;

/// Go's own limit for a counted repetition, and for the product of nested ones.
const MOST_REPEATS: u32 = 1_000;
/// Groups in groups. Go takes up to 1,000; the crate's compiler uses the stack for them.
const MOST_NESTED: usize = 100;

/// Writes a Go expression for the `regex` crate. The result matches the same texts; it captures nothing and knows no
/// greediness, because matchers only ask whether an expression matches.
pub(super) fn translate(expression: &str) -> Result<String, String> {
    let mut translator = Translator { rest: expression, widest: 1, ..Translator::default() };
    while let Some(next) = translator.rest.chars().next() {
        translator.step(next)?;
    }
    if translator.groups.is_empty() { Ok(translator.out) } else { Err("a ( is never closed".to_owned()) }
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    /// `i`
    fold_case: bool,
    /// `m`
    multi_line: bool,
    /// `s`
    dot_takes_newline: bool,
}

/// What a repetition applies to: the end of the output, from `start` on.
#[derive(Debug, Clone, Copy)]
struct Atom {
    start: usize,
    repeated: bool,
    /// The product of the counts in it.
    factor: u32,
}

#[derive(Debug)]
struct Group {
    start: usize,
    outer_flags: Flags,
    outer_widest: u32,
}

#[derive(Debug, Default)]
struct Translator<'t> {
    rest: &'t str,
    out: String,
    flags: Flags,
    groups: Vec<Group>,
    atom: Option<Atom>,
    /// A repetition stands directly before: Go allows no second one.
    after_repeat: bool,
    /// The largest [`Atom::factor`] of the open group.
    widest: u32,
}

impl Translator<'_> {
    fn step(&mut self, next: char) -> Result<(), String> {
        let after_repeat = std::mem::take(&mut self.after_repeat);
        match next {
            '(' => return self.open(),
            ')' => return self.close(),
            '*' | '+' | '?' => {
                self.skip(1);
                return self.repeat(&next.to_string(), None, after_repeat);
            }
            '{' => return self.counted(after_repeat),
            '[' => {
                let class = class::bracketed(&mut self.rest)?;
                self.folded(&class);
            }
            '\\' => return self.backslash(),
            _ => self.skip(next.len_utf8()),
        }
        match next {
            '|' => {
                self.out.push('|');
                self.atom = None;
            }
            '^' => self.atom(if self.flags.multi_line { "(?m:^)" } else { r"\A" }),
            '$' => self.atom(if self.flags.multi_line { "(?m:$)" } else { r"\z" }),
            '.' => self.atom(if self.flags.dot_takes_newline { "(?s:.)" } else { ANY_BUT_NEWLINE }),
            '[' => {}
            literal => self.folded(&escape::literal(literal)),
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn atom(&mut self, text: &str) {
        self.atom = Some(Atom { start: self.out.len(), repeated: false, factor: 1 });
        self.out.push_str(text);
    }

    /// An atom that `(?i)` changes.
    fn folded(&mut self, text: &str) {
        if self.flags.fold_case { self.atom(&format!("(?i:{text})")) } else { self.atom(text) }
    }

    fn backslash(&mut self) -> Result<(), String> {
        let second = self.rest.chars().nth(1);
        let fixed = match second {
            Some('A') => r"\A",
            Some('z') => r"\z",
            Some('b') => r"(?-u:\b)",
            Some('B') => r"(?-u:\B)",
            Some('C') => return Err(r"\C (any byte) is not supported: a label's value is text".to_owned()),
            Some('Q') => {
                self.quoted();
                return Ok(());
            }
            _ => {
                let class = class::escaped(&mut self.rest)?;
                let text = match class {
                    Some(class) => class,
                    None => class::point(escape::code_point(&mut self.rest)?),
                };
                self.folded(&text);
                return Ok(());
            }
        };
        self.skip(2);
        self.atom(fixed);
        Ok(())
    }

    /// `\Q…\E`, or up to the end.
    fn quoted(&mut self) {
        let text = self.rest.get(2..).unwrap_or_default();
        let (quoted, rest) = text.split_once(r"\E").unwrap_or((text, ""));
        for literal in quoted.chars() {
            self.folded(&escape::literal(literal));
        }
        self.rest = rest;
    }

    fn open(&mut self) -> Result<(), String> {
        let outer_flags = self.flags;
        let looks_behind = ["(?<=", "(?<!"].iter().any(|start| self.rest.starts_with(start));
        let named = ["(?P<", "(?<"].iter().any(|start| self.rest.starts_with(start));
        if named && !looks_behind {
            self.name()?;
        } else if self.rest.starts_with("(?") {
            if !self.change_flags()? {
                return Ok(());
            }
        } else {
            self.skip(1);
        }
        if self.groups.len() == MOST_NESTED {
            return Err(format!("groups are nested more than {MOST_NESTED} deep"));
        }
        self.groups.push(Group { start: self.out.len(), outer_flags, outer_widest: self.widest });
        self.widest = 1;
        self.out.push_str("(?:");
        self.atom = None;
        Ok(())
    }

    fn name(&mut self) -> Result<(), String> {
        let (head, rest) = self.rest.split_once('>').ok_or("a group's name is never closed; write (?P<name>…)")?;
        let name = head.trim_start_matches("(?P<").trim_start_matches("(?<");
        let is_word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_word {
            return Err(format!("{name:?} is not a group's name: use letters, digits and _"));
        }
        self.rest = rest;
        Ok(())
    }

    /// `(?flags)` or `(?flags:`; true for the latter, which opens a group.
    fn change_flags(&mut self) -> Result<bool, String> {
        let whole = self.rest;
        let mut flags = self.flags;
        let (mut on, mut named) = (true, true);
        for (at, c) in whole.char_indices().skip(2) {
            let flag = match c {
                'i' => Some(&mut flags.fold_case),
                'm' => Some(&mut flags.multi_line),
                's' => Some(&mut flags.dot_takes_newline),
                // Greediness changes which part matches, never whether it does.
                'U' => None,
                '-' if on => {
                    (on, named) = (false, false);
                    continue;
                }
                ')' | ':' if named => {
                    self.flags = flags;
                    self.skip(at + 1);
                    return Ok(c == ':');
                }
                _ => break,
            };
            named = true;
            if let Some(flag) = flag {
                *flag = on;
            }
        }
        let shown: String = whole.chars().take(4).collect();
        Err(format!(
            "{shown:?} opens no group that RE2 knows: write (…), (?:…), (?P<name>…), or (?flags) with i, m, s, U"
        ))
    }

    fn close(&mut self) -> Result<(), String> {
        let group = self.groups.pop().ok_or("a ) has no ( before it")?;
        self.skip(1);
        self.out.push(')');
        self.flags = group.outer_flags;
        self.atom = Some(Atom { start: group.start, repeated: false, factor: self.widest });
        self.widest = self.widest.max(group.outer_widest);
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`; what has another form is literal text.
    fn counted(&mut self, after_repeat: bool) -> Result<(), String> {
        let Some((counts, rest)) = counts(self.rest) else {
            self.skip(1);
            self.folded(&escape::literal('{'));
            return Ok(());
        };
        self.rest = rest;
        let (least, most) = counts;
        let fits = |count: u32| count <= MOST_REPEATS;
        if !fits(least) || most.is_some_and(|most| !fits(most) || most < least) {
            return Err(format!("a repetition counts from low to high, and up to {MOST_REPEATS}"));
        }
        let most_text = most.map(|most| most.to_string()).unwrap_or_default();
        self.repeat(&format!("{{{least},{most_text}}}"), Some((least, most)), after_repeat)
    }

    fn repeat(&mut self, operator: &str, counts: Option<(u32, Option<u32>)>, after_repeat: bool) -> Result<(), String> {
        self.rest = self.rest.strip_prefix('?').unwrap_or(self.rest);
        if after_repeat {
            return Err("a repetition follows another one directly; put the first into (?:…)".to_owned());
        }
        let mut atom =
            self.atom.ok_or("a repetition has nothing before it to repeat; write \\ before a literal *, + or ?")?;
        if atom.repeated {
            self.out.insert_str(atom.start, "(?:");
            self.out.push(')');
        }
        self.out.push_str(operator);
        atom.repeated = true;
        if let Some((least, most)) = counts {
            let count = most.unwrap_or(least);
            atom.factor = if most == Some(0) { 1 } else { atom.factor.saturating_mul(count.max(1)) };
            if count >= 2 && atom.factor > MOST_REPEATS {
                return Err(format!("repetitions in repetitions count up to {MOST_REPEATS} together"));
            }
        }
        self.widest = self.widest.max(atom.factor);
        self.atom = Some(atom);
        self.after_repeat = true;
        Ok(())
    }
}

type Counts = (u32, Option<u32>);

fn counts(text: &str) -> Option<(Counts, &str)> {
    let (least, rest) = number(text.strip_prefix('{')?)?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some(((least, Some(least)), rest));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some(((least, None), rest));
    }
    let (most, rest) = number(rest)?;
    Some(((least, Some(most)), rest.strip_prefix('}')?))
}

/// Without leading zeros, as Go reads it; one that is too large for us is too large for Go.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let plain = !digits.is_empty() && (digits.len() == 1 || !digits.starts_with('0'));
    plain.then(|| (digits.parse().unwrap_or(u32::MAX), rest))
}
