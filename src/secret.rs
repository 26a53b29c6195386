//! A key, token or password: given as a value, or as a file that is read again at every use.
//!
//! Files are read again so that a rotated `…_FILE` takes effect without a restart; the files are a few bytes long.
//! Neither `Debug` nor an error ever shows the content.

use crate::bom;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;

/// Where a secret comes from.
#[derive(Debug, Clone)]
pub enum Secret {
    /// The secret itself; `Debug` prints it redacted.
    Value(SecretString),
    /// A file that holds the secret, with or without a newline at its end.
    File(PathBuf),
}

impl Secret {
    /// Takes `NAME` or `NAME_FILE`; both at once are an error, neither is `None`. An empty text counts as not given.
    pub fn parse(name: &str, value: Option<String>, file: Option<PathBuf>) -> Result<Option<Self>, SecretError> {
        let value = value.filter(|text| !text.is_empty());
        let file = file.filter(|path| !path.as_os_str().is_empty());
        match (value, file) {
            (Some(_), Some(_)) => Err(SecretError::Both(name.to_owned())),
            (Some(value), None) => Ok(Some(Self::Value(value.into()))),
            (None, Some(path)) => Ok(Some(Self::File(path))),
            (None, None) => Ok(None),
        }
    }

    /// The secret as it is now, without the one newline that editors put at the end of a file and the byte order mark that
    /// some put before it.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        let path = match self {
            Self::Value(value) => return Ok(value.clone()),
            Self::File(path) => path,
        };
        let text = std::fs::read_to_string(path)
            .map(SecretString::from)
            .map_err(|source| SecretError::Unreadable { path: path.clone(), source })?;
        let plain = bom::without(text.expose_secret());
        let trimmed = plain.strip_suffix('\n').unwrap_or(plain);
        let trimmed = trimmed.strip_suffix('\r').unwrap_or(trimmed);
        if trimmed.is_empty() {
            return Err(SecretError::Empty(path.clone()));
        }
        Ok(SecretString::from(trimmed))
    }
}

/// A secret that cannot be had. Names the variable or the file, never the content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Given twice.
    #[error("{0} and {0}_FILE are both set; set one")]
    Both(String),
    /// The file cannot be read, or is no UTF-8.
    #[error("cannot read the secret file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has nothing in it: perhaps it is being written.
    #[error("the secret file {} is empty", .0.display())]
    Empty(PathBuf),
}

#[cfg(test)]
mod tests;
