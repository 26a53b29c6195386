//! API keys and tokens, and who a request is from.

use base64::Engine as _;
use chrono::Duration;
use serde_json::{Value, json};

use super::{
    Options,
    answer::{Answer, Call, Outcome, Refusal},
    body,
    execution::MASK,
    ids::{self, Ids, key_hash},
    parameters, python,
    state::State,
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
            created: State::now(),
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
        if token.expiry <= State::now() {
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

    /// The cookie that goes back to whoever came with a token.
    pub(super) fn cookie(&self) -> Option<String> {
        let (token, expiry) = self.token.as_ref()?;
        let age = (*expiry - State::now()).num_seconds();
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

impl State {
    /// `POST /tokens` with Basic credentials.
    pub(super) fn post_token(&mut self, call: &Call) -> Outcome {
        let Some(user) = self.login(call) else { return Err(Refusal::new(401, "Invalid or missing credentials")) };
        let body = body::object(call)?;
        let longest = self.access.token_ttl;
        let ttl = body.get("ttl").and_then(Value::as_i64).unwrap_or(longest);
        if ttl > longest {
            return Err(Refusal::bad(format!("TTL specified {ttl} is greater than max allowed {longest}.")));
        }
        let token = Token { user, secret: ids::token(), expiry: Self::now() + Duration::seconds(ttl) };
        let shown = json!({
            "user": token.user, "token": token.secret, "expiry": times::micros(token.expiry), "metadata": {},
            "service": false, "id": self.ids.next(),
        });
        self.access.tokens.push(token);
        Ok(Answer::json(201, &shown))
    }

    fn login(&self, call: &Call) -> Option<String> {
        let encoded =
            call.header("authorization")?.split_once(' ').filter(|(kind, _)| kind.eq_ignore_ascii_case("basic"))?.1;
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
        let pair = String::from_utf8(decoded).ok()?;
        let (user, password) = pair.split_once(':')?;
        (user == self.access.username && password == self.access.password).then(|| user.to_owned())
    }

    pub(super) fn api_keys(&self) -> Vec<Value> {
        self.access.keys.iter().map(masked).collect()
    }

    pub(super) fn api_key(&self, id: &str) -> Outcome {
        let missing = || Refusal::new(404, format!("ApiKey matching {id} for reference and id not found."));
        let key = self.access.keys.iter().find(|key| key.id == id).ok_or_else(missing)?;
        Ok(Answer::json(200, &masked(key)))
    }

    /// Makes a key; it is shown in clear here and never again.
    pub(super) fn post_api_key(&mut self, call: &Call, user: &str) -> Outcome {
        let body = body::object(call)?;
        let given = body.get("key_hash").and_then(Value::as_str).filter(|hash| !hash.is_empty());
        let (shown, hash) = if let Some(hash) = given {
            (None, hash.to_owned())
        } else {
            let key = ids::api_key();
            let hash = key_hash(&key);
            (Some(key), hash)
        };
        let key = ApiKey {
            id: self.ids.next(),
            user: body.get("user").and_then(Value::as_str).unwrap_or(user).to_owned(),
            hash,
            metadata: Value::Object(body.get("metadata").map(parameters::object).unwrap_or_default()),
            created: Self::now(),
            enabled: body.get("enabled").is_none_or(python::truth),
        };
        let answer = json!({
            "uid": format!("api_key:{}", key.hash), "user": key.user, "metadata": key.metadata, "id": key.id,
            "created_at": times::micros(key.created), "enabled": key.enabled, "key": shown,
        });
        self.access.keys.push(key);
        Ok(Answer::json(201, &answer))
    }

    pub(super) fn put_api_key(&mut self, id: &str, call: &Call) -> Outcome {
        let body = body::object(call)?;
        let now = Self::now();
        let key = self.access.keys.iter_mut().find(|key| key.id == id).ok_or_else(|| no_key(id))?;
        key.enabled = body.get("enabled").is_none_or(python::truth);
        key.created = now;
        if let Some(user) = body.get("user").and_then(Value::as_str) {
            user.clone_into(&mut key.user);
        }
        if let Some(metadata) = body.get("metadata").filter(|metadata| metadata.is_object()) {
            key.metadata = metadata.clone();
        }
        let mut answer = masked(key);
        answer["uid"] = json!("api_key:");
        answer["key_hash"] = json!(key.hash);
        Ok(Answer::json(200, &answer))
    }

    pub(super) fn delete_api_key(&mut self, id: &str) -> Outcome {
        let at = self.access.keys.iter().position(|key| key.id == id).ok_or_else(|| no_key(id))?;
        self.access.keys.remove(at);
        Ok(Answer::raw(204, "text/html; charset=UTF-8", Vec::new()))
    }
}

fn masked(key: &ApiKey) -> Value {
    json!({
        "uid": MASK, "user": key.user, "key_hash": MASK, "metadata": key.metadata, "id": key.id,
        "created_at": times::micros(key.created), "enabled": key.enabled,
    })
}

fn no_key(id: &str) -> Refusal {
    Refusal::new(404, format!("ApiKey with key or id={id} not found."))
}
