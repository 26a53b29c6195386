//! API keys and tokens, and who a request is from.

mod api_keys;
mod tokens;

use serde_json::{Value, json};

use super::{
    Options,
    answer::{Call, Refusal},
    ids::{Ids, key_hash},
    times::{self, Time},
};

/// The longest life of a token, and the default one, in seconds.
const MAX_TTL: i64 = 86_400;

/// The keys, the tokens, the one login.
pub(super) struct Access {
    username: String,
    password: String,
    keys: Vec<ApiKey>,
    tokens: Vec<Token>,
    /// The longest life of a token, and the default one, in seconds.
    pub(super) token_ttl: i64,
}

#[derive(Debug, Clone)]
struct ApiKey {
    id: String,
    user: String,
    hash: String,
    metadata: Value,
    created: Time,
    enabled: bool,
}

#[derive(Debug, Clone)]
struct Token {
    user: String,
    secret: String,
    expiry: Time,
}

/// Who asks, and how that was shown.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) user: String,
    method: &'static str,
    location: &'static str,
    /// The token and its end, where it was one.
    token: Option<(String, Time)>,
}

impl Access {
    pub(super) fn new(options: &Options, ids: &mut Ids) -> Self {
        let key = ApiKey {
            id: ids.next(),
            user: "poundcake".to_owned(),
            hash: key_hash(&options.api_key),
            metadata: json!({ "used_by": "poundcake" }),
            created: times::now(),
            enabled: true,
        };
        let (username, password) = (options.username.clone(), options.password.clone());
        Self { username, password, keys: vec![key], tokens: Vec::new(), token_ttl: MAX_TTL }
    }

    /// Who a request is from: token header, key header, token in the query, key in the query, cookie; the first counts.
    pub(super) fn identify(&self, call: &Call) -> Result<Identity, Refusal> {
        let filled = |value: &&str| !value.is_empty();
        if let Some(token) = call.header("x-auth-token").filter(filled) {
            return self.by_token(token, "header");
        }
        if let Some(key) = call.header("st2-api-key").filter(filled) {
            return self.by_key(key, "header");
        }
        if let Some(token) = call.query("x-auth-token") {
            return self.by_token(token, "query");
        }
        if let Some(key) = call.query("st2-api-key") {
            return self.by_key(key, "query");
        }
        match cookie(call) {
            Some(token) => self.by_token(&token, "cookie"),
            None => Err(unauthorized(" - One of Token or API key required.")),
        }
    }

    fn by_token(&self, text: &str, location: &'static str) -> Result<Identity, Refusal> {
        let token = self.tokens.iter().find(|token| token.secret == text).ok_or_else(|| unauthorized(""))?;
        if token.expiry <= times::now() {
            return Err(unauthorized(" - Token has expired."));
        }
        let (user, held) = (token.user.clone(), Some((token.secret.clone(), token.expiry)));
        Ok(Identity { user, method: "authentication token", location, token: held })
    }

    fn by_key(&self, text: &str, location: &'static str) -> Result<Identity, Refusal> {
        let hash = key_hash(text);
        match self.keys.iter().find(|key| key.hash == hash) {
            None => Err(unauthorized(&format!(" - ApiKey with key_hash={hash} not found."))),
            Some(key) if !key.enabled => Err(unauthorized(" - API key is disabled.")),
            Some(key) => Ok(Identity { user: key.user.clone(), method: "API key", location, token: None }),
        }
    }
}

impl Identity {
    /// `GET /v1/user`.
    pub(super) fn show(&self) -> Value {
        let mut authentication = json!({ "method": self.method, "location": self.location });
        if let Some((_, expiry)) = &self.token {
            authentication["token_expire"] = json!(times::micros(*expiry));
        }
        json!({
            "username": self.user, "authentication": authentication,
            "rbac": { "enabled": false, "roles": [], "is_admin": true },
        })
    }

    /// The cookie for a client that sent a token.
    pub(super) fn cookie(&self) -> Option<String> {
        let (token, expiry) = self.token.as_ref()?;
        let age = (*expiry - times::now()).num_seconds();
        let expires = expiry.format("%a, %d-%b-%Y %H:%M:%S GMT");
        Some(format!("auth-token={token}; Max-Age={age}; Path=/; expires={expires}; secure; HttpOnly; SameSite=lax"))
    }
}

/// `401` with StackStorm's text.
pub(super) fn unauthorized(why: &str) -> Refusal {
    Refusal::new(401, format!("Unauthorized{why}"))
}

fn cookie(call: &Call) -> Option<String> {
    let cookies = call.header("cookie")?;
    cookies.split(';').find_map(|pair| pair.trim().strip_prefix("auth-token=")).map(str::to_owned)
}
