//! Standard output and standard error of the commands: the one place that writes to them.
//!
//! If the reader closes standard output (`poundcake failed | head`), the command ends quietly with the exit status
//! that a shell shows for SIGPIPE, as `cat` does. Nothing in here panics.

use std::{
    fmt::{Arguments, Display},
    io::{self, Write},
    process::ExitCode,
};

/// 128 and the number of SIGPIPE.
pub(super) const READER_GONE: u8 = 141;

/// Why standard output could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrintError {
    /// Not an error for the user: the reader has seen enough.
    #[error("the reader has closed standard output")]
    ReaderGone,
    /// A full disk, for instance.
    #[error("cannot write to standard output")]
    Failed(#[source] io::Error),
}

impl From<io::Error> for PrintError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::ReaderGone } else { Self::Failed(error) }
    }
}

/// Writes a text as it is, and flushes.
pub(super) fn text(text: impl Display) -> Result<(), PrintError> {
    let mut out = io::stdout().lock();
    write!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Writes a line, and flushes.
pub(super) fn line(line: impl Display) -> Result<(), PrintError> {
    text(format_args!("{line}\n"))
}

/// Writes one JSON document on a line of its own.
pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(line(serde_json::to_string(value)?)?)
}

/// Writes a line to standard error. If that fails there is no other place to say so.
pub fn note(line: Arguments<'_>) {
    _ = writeln!(io::stderr().lock(), "{line}");
}

/// The result of a command whose output may have lost its reader.
pub(super) fn quietly(result: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    match result {
        Err(error) if matches!(error.downcast_ref(), Some(PrintError::ReaderGone)) => Ok(ExitCode::from(READER_GONE)),
        other => other,
    }
}
