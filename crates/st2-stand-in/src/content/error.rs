//! What is wrong with a pack's directory.

use std::{error, fmt, io, path::Path};

/// A pack that cannot be loaded, and why.
#[derive(Debug)]
pub(crate) struct PackError {
    pack: String,
    why: String,
}

impl PackError {
    pub(super) fn new(directory: &Path, why: impl Into<String>) -> Self {
        Self { pack: directory.display().to_string(), why: why.into() }
    }

    /// One file of a pack.
    pub(super) fn in_file(pack: &str, file: &str, why: impl fmt::Display) -> Self {
        Self { pack: pack.to_owned(), why: format!("{file}: {why}") }
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "pack {}: {}", self.pack, self.why)
    }
}

impl error::Error for PackError {}

impl From<PackError> for io::Error {
    fn from(error: PackError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}
