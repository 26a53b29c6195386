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
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        check(text).unwrap();
        dotenvy::from_read_iter(text.as_bytes()).map(|pair| pair.unwrap().1).collect()
    }

    #[test]
    fn a_dollar_is_kept_where_nothing_is_replaced() {
        assert_eq!(values("A='pa$word'"), ["pa$word"]);
        assert_eq!(values("A='mysql://pc:pa$HOME${X}\\$@db/pc'"), ["mysql://pc:pa$HOME${X}\\$@db/pc"]);
        assert_eq!(values("A=pa\\$HOME\nB=\"pa\\$\""), ["pa$HOME", "pa$"]);
        assert_eq!(values("# costs $5\nA=1 # or $2"), ["1"]);
        assert_eq!(values("A=plain\nB=\nC=\"two\nlines\""), ["plain", "", "two\nlines"]);
    }

    #[test]
    fn a_dollar_that_would_be_replaced_is_refused_by_the_variables_name() {
        let table =
            ["A=1\nKEY=pa$word", "KEY=\"pa$word\"", "KEY=pa$", "KEY=$1", "KEY=${HOME}", "KEY=a\\\\$HOME", "KEY=a${b"];
        for text in table {
            let error = check(text).unwrap_err().to_string();
            assert!(error.contains("KEY has a $") && error.contains("single quotes"), "{text}: {error}");
            assert!(!error.contains("word"), "{error}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_by_its_number_and_not_shown() {
        let error = check("A=1\n\nKEY='s3cret").unwrap_err().to_string();
        assert!(error.contains("line 3") && !error.contains("s3cret"), "{error}");
        let error = check("A=1\ns3cret word").unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn no_file_is_fine_and_a_directory_is_not() {
        let directory = tempfile::tempdir().unwrap();
        assert!(load(&directory.path().join(".env")).is_ok());
        assert!(matches!(load(directory.path()), Err(DotenvError::Unreadable(_))));
    }
}
