//! Tokens files, `Authorization` headers and sessions: no text but a token of the file, or a session that one has signed, lets
//! anybody in.

use super::{
    credentials,
    session::{self, Claim},
    tokens::{Lines, tokens_of},
};
use actix_web::http::header::HeaderValue;
use chrono::{DateTime, Utc};

/// The text before the first NUL is the file, what follows is a header and a cookie.
pub(crate) fn target(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (file, shown) = text.split_once('\0').unwrap_or((&text, &text));
    let shown_token =
        HeaderValue::from_str(shown).ok().and_then(|header| credentials(&header)).map(|shown| shown.token);
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let claim = Claim::read(shown, now);
    for lines in [Lines::Names, Lines::Roles] {
        let Ok(tokens) = tokens_of(file, lines) else { continue };
        assert!(!tokens.is_empty(), "a file without tokens is an error");
        for token in &tokens {
            let (name, secret) = (token.name(), token.secret());
            assert!(!name.is_empty() && !secret.is_empty() && file.contains(name), "{file:?}");
            let is_shown = shown_token.as_ref().is_some_and(|shown| shown.as_bytes() == secret);
            assert_eq!(shown_token.as_ref().is_some_and(|shown| token.is(shown)), is_shown, "{file:?} {shown:?}");
            let signed = claim.as_ref().is_some_and(|claim| claim.is_signed_by(secret));
            assert!(!signed, "{shown:?} was guessed");
            let session = session::issue(name, secret, now);
            let read = session.as_ref().and_then(|session| Claim::read(session, now));
            assert!(read.is_some_and(|claim| claim.name == name && claim.is_signed_by(secret)), "{name:?} signs in");
        }
    }
}
