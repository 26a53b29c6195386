//! The `.env` file of the working directory, and of no other directory: a file in a parent must not choose the database.
//!
//! dotenvy reads it. dotenvy also replaces `$NAME` by a variable, and by nothing where there is no such variable, which
//! cuts a password without a word. So a file in which dotenvy would replace anything is refused: in single quotes, or
//! written as `\$`, a `$` is kept.

use std::{io, path::Path};

/// Stands for a `$` while the file is read a second time. A private character: no value has it.
const PLACEHOLDER: char = '\u{F8FF}';

/// Why a `.env` file is not used. Names the line or the variable, never a value.
#[derive(Debug, thiserror::Error)]
pub enum DotenvError {
    /// No permission, a directory, not UTF-8.
    #[error("cannot read .env in the working directory; make it readable or remove it")]
    Unreadable(#[source] io::Error),
    /// Not `NAME=value`.
    #[error(".env{}: a line is not NAME=value; is a quote missing?", line.map(|line| format!(" line {line}")).unwrap_or_default())]
    Line {
        /// Counted from 1, if it is known.
        line: Option<usize>,
    },
    /// A `$` that dotenvy would replace.
    #[error(
        ".env: the value of {0} has a $; variables are not replaced in here. Put the value in single quotes, or write \\$"
    )]
    Dollar(String),
}

/// Sets the variables of the file that the environment does not have yet. A missing file is fine.
///
/// Call it before the process has a second thread.
pub fn load(path: &Path) -> Result<(), DotenvError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(DotenvError::Unreadable(error)),
    };
    let text = crate::bom::without(&text);
    check(text)?;
    dotenvy::from_read(text.as_bytes()).map_err(|error| refused(text, &error))
}

/// Reads the file twice, once with another character for each `$`: what differs then was replaced.
fn check(text: &str) -> Result<(), DotenvError> {
    let masked = mask(text);
    let pairs = std::iter::zip(dotenvy::from_read_iter(masked.as_bytes()), dotenvy::from_read_iter(text.as_bytes()));
    for (wanted, read) in pairs {
        let (name, wanted) = wanted.map_err(|error| refused(text, &error))?;
        match read {
            Ok((_, read)) if wanted.replace(PLACEHOLDER, "$") == read => {}
            _ => return Err(DotenvError::Dollar(name)),
        }
    }
    Ok(())
}

/// Replaces each `$` that no backslash escapes.
fn mask(text: &str) -> String {
    let mut escaped = false;
    let mask = |c: char| {
        let masked = if c == '$' && !escaped { PLACEHOLDER } else { c };
        escaped = c == '\\' && !escaped;
        masked
    };
    text.chars().map(mask).collect()
}

fn refused(text: &str, error: &dotenvy::Error) -> DotenvError {
    match error {
        // The error's own text shows the line, which may hold a secret.
        dotenvy::Error::LineParse(part, _) => {
            let part = part.replace(PLACEHOLDER, "$");
            DotenvError::Line { line: text.lines().position(|line| line.contains(part.trim())).map(|index| index + 1) }
        }
        _ => DotenvError::Line { line: None },
    }
}

#[cfg(test)]
mod tests;
