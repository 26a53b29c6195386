//! Credentials: the header of a request, and what to do when StackStorm refuses it.
//!
//! A key file is read for every request, so a rotated key counts at once. A token is kept until four fifths of its life
//! are over, or until StackStorm refuses it; logins are made one at a time, and who waited for one shares its result.
//! A refused request is never sent again in here: the caller hears `unauthorized`, pauses, and its next request uses the
//! new key or a new login.

use super::{
    Credentials, answer,
    exchange::{self, SendError},
    words::describe,
};
use crate::secret::Secret;
use chrono::{DateTime, Utc};
use reqwest::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::Url;

/// The shortest life of a token that is believed: clocks differ, and a refused token is dropped anyway.
const SHORTEST_LIFE: Duration = Duration::from_secs(2);

/// No credential to send: the request itself was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthError {
    /// The login was refused, or the secret cannot be read: a person must correct it.
    Refused(String),
    /// The login got no answer.
    Unavailable(String),
}

impl From<AuthError> for SendError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Refused(message) => Self::Unauthorized(message),
            AuthError::Unavailable(message) => Self::NotSent(message),
        }
    }
}

/// A header that is marked sensitive: it does not show in `Debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credential {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
}

/// Keeps the token, if there is one to keep.
#[derive(Debug)]
pub(super) struct Authenticator {
    credentials: Credentials,
    login_timeout: Duration,
    login: Mutex<Login>,
}

/// What the last login brought.
#[derive(Debug, Default)]
struct Login {
    token: Option<Token>,
    failed: Option<(Instant, AuthError)>,
}

#[derive(Debug)]
struct Token {
    credential: Credential,
    renew_at: Instant,
}

/// What a login takes.
#[derive(Clone, Copy)]
struct LoginRequest<'a> {
    http: &'a reqwest::Client,
    url: &'a Url,
    username: &'a str,
    password: &'a Secret,
}

/// The answer of `POST /tokens`.
#[derive(Deserialize)]
struct Granted {
    token: String,
    expiry: DateTime<Utc>,
}

impl Authenticator {
    pub(super) fn new(credentials: Credentials, timeout: Duration) -> Self {
        let login_timeout = timeout.min(Duration::from_secs(10));
        Self { credentials, login_timeout, login: Mutex::default() }
    }

    /// The header to send now; logs in where that is needed.
    pub(super) async fn credential(&self, http: &reqwest::Client) -> Result<Credential, AuthError> {
        match &self.credentials {
            Credentials::ApiKey(key) => Credential::new("st2-api-key", &read(key)?),
            Credentials::Login { auth_url, username, password } => {
                self.token(LoginRequest { http, url: auth_url, username, password }).await
            }
        }
    }

    /// Drops a token that was refused, unless it has been replaced already.
    pub(super) async fn forget(&self, refused: &Credential) {
        let mut login = self.login.lock().await;
        login.token.take_if(|token| token.credential == *refused);
    }

    /// The kept token, or a new one. The lock is held over the login, which makes it a single flight.
    async fn token(&self, request: LoginRequest<'_>) -> Result<Credential, AuthError> {
        let asked = Instant::now();
        let mut login = self.login.lock().await;
        if let Some(token) = login.token.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.credential.clone());
        }
        if let Some((_, error)) = login.failed.as_ref().filter(|(at, _)| *at >= asked) {
            return Err(error.clone());
        }
        match self.log_in(request).await {
            Ok(token) => Ok(login.token.insert(token).credential.clone()),
            Err(error) => {
                log::warn!(event = "st2_login_failed", error:? = error; "login to StackStorm failed");
                login.token = None;
                login.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn log_in(&self, request: LoginRequest<'_>) -> Result<Token, AuthError> {
        let LoginRequest { http, url, username, password } = request;
        let password = read(password)?;
        let request = http
            .post(url.clone())
            .basic_auth(username, Some(password.expose_secret()))
            .json(&serde_json::json!({}))
            .timeout(self.login_timeout)
            .build();
        let answered = match exchange::exchange(http, request.map_err(|error| unavailable(error.into()))?).await {
            Ok(answered) => answered,
            Err(error) => return Err(unavailable(error)),
        };
        match answered.status {
            StatusCode::CREATED | StatusCode::OK => {
                let Ok(granted) = answer::json::<Granted>(&answered) else {
                    return Err(AuthError::Unavailable("login at ST2_AUTH_URL: the answer holds no token".to_owned()));
                };
                log::info!(event = "st2_login"; "logged in to StackStorm");
                Token::new(granted, answered.date)
            }
            status if status.is_client_error() || status.is_redirection() => {
                Err(AuthError::Refused(format!("login at ST2_AUTH_URL: {}", answer::fault(&answered))))
            }
            _ => Err(AuthError::Unavailable(format!("login at ST2_AUTH_URL: {}", answer::fault(&answered)))),
        }
    }
}

fn unavailable(error: SendError) -> AuthError {
    AuthError::Unavailable(format!("login at ST2_AUTH_URL: {}", error.message()))
}

impl Token {
    /// Its lifetime is counted by the clock of the server that granted it, if the answer has that time. A token with
    /// hardly any life left is kept for a moment all the same, so that not every request begins with a login.
    fn new(granted: Granted, date: Option<DateTime<Utc>>) -> Result<Self, AuthError> {
        let life = (granted.expiry - date.unwrap_or_else(Utc::now)).to_std().unwrap_or_default();
        let life = life.clamp(SHORTEST_LIFE, Duration::from_hours(24));
        let credential = Credential::new("x-auth-token", &granted.token.into())?;
        Ok(Self { credential, renew_at: Instant::now() + life * 4 / 5 })
    }
}

impl Credential {
    fn new(name: &'static str, secret: &SecretString) -> Result<Self, AuthError> {
        let Ok(mut value) = HeaderValue::from_str(secret.expose_secret()) else {
            return Err(AuthError::Refused(format!("the credential has characters that {name} cannot carry")));
        };
        value.set_sensitive(true);
        Ok(Self { name: HeaderName::from_static(name), value })
    }
}

fn read(secret: &Secret) -> Result<SecretString, AuthError> {
    secret.read().map_err(|error| AuthError::Refused(describe(&error)))
}

#[cfg(test)]
mod tests;
