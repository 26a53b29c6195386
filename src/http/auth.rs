//! Who is calling, and whether they may: Bearer or Basic, against the tokens files.

#[cfg(any(test, feature = "fuzzing"))]
mod fuzz;
mod session;
mod tokens;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use fuzz::target as fuzz_tokens;
pub(super) use session::LIFETIME;
pub use tokens::TokensError;

use super::{access::Access, problem::Problem};
use crate::metrics::Metrics;
use actix_web::http::header::HeaderValue;
use base64::{Engine, prelude::BASE64_STANDARD};
use std::path::Path;
use tokens::{Lines, Role, TokensFile};

/// The tokens in force; without a file the routes of that kind are open, which `serve` allows on loopback only.
pub(super) struct Auth {
    webhook: Option<TokensFile>,
    operator: Option<TokensFile>,
}

/// What a caller has shown.
struct Credentials {
    /// Basic's user, who must be the token's name.
    name: Option<String>,
    token: String,
}

impl Auth {
    /// For a server that has public routes only.
    pub(super) fn open() -> Self {
        Self { webhook: None, operator: None }
    }

    /// Reads both files; one that is empty or cannot be read is an error.
    pub(super) fn read(
        webhook: Option<&Path>,
        operator: Option<&Path>,
        metrics: &Metrics,
    ) -> Result<Self, TokensError> {
        let unusable = |file: &str| metrics.unusable_files.with_label_values(&[file]);
        let webhook = webhook.map(|path| {
            TokensFile::read("POUNDCAKE_WEBHOOK_TOKENS_FILE", Lines::Names, path, unusable("webhook_tokens"))
        });
        let operator = operator.map(|path| {
            TokensFile::read("POUNDCAKE_OPERATOR_TOKENS_FILE", Lines::Roles, path, unusable("operator_tokens"))
        });
        Ok(Self { webhook: webhook.transpose()?, operator: operator.transpose()? })
    }

    /// The caller's name where one was needed. For operators' routes a webhook token is known but not enough, for orders
    /// a viewer's is not; on the webhook an operator's token is as good as none.
    pub(super) fn check(&self, access: Access, header: Option<&HeaderValue>) -> Result<Option<String>, Problem> {
        let file = match access {
            Access::Public => return Ok(None),
            Access::Webhook => &self.webhook,
            Access::Viewer | Access::Operator => &self.operator,
        };
        let Some(file) = file else { return Ok(None) };
        let credentials = header.and_then(credentials).ok_or(Problem::NoToken)?;
        let find = |file: &TokensFile| file.find(credentials.name.as_deref(), &credentials.token);
        match (find(file), access) {
            (Some((_, Role::Viewer)), Access::Operator) => return Err(Problem::ReadsOnly),
            (Some((name, _)), _) => return Ok(Some(name)),
            (None, _) => {}
        }
        let known = |file: &TokensFile| find(file).is_some();
        if access != Access::Webhook && self.webhook.as_ref().is_some_and(known) {
            return Err(Problem::NotAllowed);
        }
        Err(Problem::WrongToken)
    }

    /// The same for the operator page: without a token a session will do.
    pub(super) fn check_page(
        &self,
        access: Access,
        header: Option<&HeaderValue>,
        session: Option<&str>,
    ) -> Result<Option<String>, Problem> {
        match (&self.operator, session) {
            (Some(file), Some(session)) if header.is_none() && access != Access::Public => {
                match file.of_session(session, chrono::Utc::now()) {
                    Some((_, Role::Viewer)) if access == Access::Operator => Err(Problem::ReadsOnly),
                    Some((name, _)) => Ok(Some(name)),
                    None => Err(Problem::WrongToken),
                }
            }
            _ => self.check(access, header),
        }
    }

    /// A new session for an operator's token; `None` for any other token.
    pub(super) fn sign_in(&self, token: &str) -> Option<String> {
        self.operator.as_ref()?.session(token, chrono::Utc::now())
    }

    /// Whether operators need tokens.
    pub(super) fn has_operators(&self) -> bool {
        self.operator.is_some()
    }
}

fn credentials(header: &HeaderValue) -> Option<Credentials> {
    let (scheme, rest) = header.to_str().ok()?.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credentials { name: None, token: rest.to_owned() });
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
        let (name, token) = pair.split_once(':')?;
        return Some(Credentials { name: Some(name.to_owned()), token: token.to_owned() });
    }
    None
}

#[cfg(test)]
mod tests;
