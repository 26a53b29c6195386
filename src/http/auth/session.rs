//! A session: the cookie that a browser gets for an operator's token. It is signed with a key made of that token, so every
//! replica can check it without keeping anything, and it ends when the token leaves the file.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// How long a session lasts.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::hours(12);
/// What else is signed with a token must never be a session.
const PURPOSE: &str = "poundcake session 1";

/// What a cookie says, not checked yet.
pub(super) struct Claim {
    /// The token's name.
    pub(super) name: String,
    expires: i64,
    signature: Vec<u8>,
}

/// A new session's text: `expiry.name.signature`.
pub(super) fn issue(name: &str, token: &[u8], now: DateTime<Utc>) -> Option<String> {
    let expires = (now + LIFETIME).timestamp();
    let signature = signer(name, token, expires)?.finalize().into_bytes();
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    Some(format!("{expires}.{}.{}", encode(name.as_bytes()), encode(&signature)))
}

impl Claim {
    /// `None` for a text that no server of ours wrote, or one that is over.
    pub(super) fn read(text: &str, now: DateTime<Utc>) -> Option<Self> {
        let mut parts = text.split('.');
        let expires: i64 = parts.next()?.parse().ok()?;
        let name = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok()?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        let left = expires.checked_sub(now.timestamp())?;
        let in_time = left > 0 && left <= LIFETIME.num_seconds() && parts.next().is_none();
        in_time.then_some(Self { name, expires, signature })
    }

    /// Whether this token signed it; in a time that depends on no secret.
    pub(super) fn is_signed_by(&self, token: &[u8]) -> bool {
        signer(&self.name, token, self.expires).is_some_and(|signer| signer.verify_slice(&self.signature).is_ok())
    }
}

fn signer(name: &str, token: &[u8], expires: i64) -> Option<Hmac<Sha256>> {
    // A key of any length is taken, so there is always a signer.
    let mut signer = Hmac::<Sha256>::new_from_slice(token).ok()?;
    signer.update(format!("{PURPOSE}\n{expires}\n{name}").as_bytes());
    Some(signer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_session_is_of_one_name_one_token_and_twelve_hours() {
        let text = issue("alice", b"secret", at(1_000)).unwrap();
        let claim = Claim::read(&text, at(1_000)).unwrap();
        assert_eq!(claim.name, "alice");
        assert!(claim.is_signed_by(b"secret"));
        assert!(!claim.is_signed_by(b"secret2") && !claim.is_signed_by(b""));
        assert!(Claim::read(&text, at(1_000 + 12 * 3600 - 1)).is_some());
        assert!(Claim::read(&text, at(1_000 + 12 * 3600)).is_none(), "over");
        assert!(Claim::read(&text, at(999)).is_none(), "longer than any that was issued");
    }

    #[test]
    fn a_changed_value_does_not_match_its_signature() {
        let text = issue("alice", b"secret", at(1_000)).unwrap();
        let (_, rest) = text.split_once('.').unwrap();
        let longer = Claim::read(&format!("44201.{rest}"), at(1_001)).unwrap();
        assert!(!longer.is_signed_by(b"secret"));
        let bob = text.replace(&BASE64_URL_SAFE_NO_PAD.encode("alice"), &BASE64_URL_SAFE_NO_PAD.encode("bob"));
        assert!(!Claim::read(&bob, at(1_000)).unwrap().is_signed_by(b"secret"));
    }

    #[test]
    fn a_text_that_is_no_session_is_none() {
        for text in ["", "x", "1.2.3", "44200.YWxpY2U", "44200.YWxpY2U.AA.AA", "-1.YWxpY2U.AA", "\u{1f525}.a.b"] {
            assert!(Claim::read(text, at(1_000)).is_none(), "{text}");
        }
    }
}
