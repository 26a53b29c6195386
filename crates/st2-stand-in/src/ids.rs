//! Identifiers as `MongoDB` and StackStorm make them, and the hash by which StackStorm knows an API key.

use std::fmt::Write as _;

use chrono::Utc;
use sha2::{Digest, Sha512};

/// Makes Mongo-like object ids: seconds, a process's own five bytes, a counter; ascending within one process.
pub(super) struct Ids {
    process: u64,
    counter: u32,
}

impl Ids {
    pub(super) fn new() -> Self {
        Self { process: rand::random::<u64>() & 0xff_ffff_ffff, counter: rand::random::<u32>() & 0x3f_ffff }
    }

    /// The next id, 24 hex digits.
    pub(super) fn next(&mut self) -> String {
        self.counter = (self.counter + 1) & 0xff_ffff;
        let seconds = Utc::now().timestamp() & 0xffff_ffff;
        format!("{seconds:08x}{:010x}{:06x}", self.process, self.counter)
    }
}

/// A secret of 32 hex digits: what StackStorm hands out as a token.
pub(super) fn token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// An API key of StackStorm's length and letters.
pub(super) fn api_key() -> String {
    use base64::Engine as _;
    let seed = format!("{}{}", token(), token());
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(seed)
}

/// What StackStorm puts before a key when it hashes it.
const SALT: &str = "saltnpepper";

/// The hash by which a key is known, as in `ApiKey with key_hash=… not found.`
pub(super) fn key_hash(key: &str) -> String {
    sha512(&format!("{SALT}{key}"))
}

/// SHA-512 in hex.
fn sha512(text: &str) -> String {
    let mut hex = String::with_capacity(128);
    for byte in Sha512::digest(text.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// 32 hex digits which depend on the text only; StackStorm puts an MD5 there, of which nothing depends on the value.
pub(super) fn digest32(text: &str) -> String {
    sha512(text).chars().take(32).collect()
}
