//! Logging in: a token for a user and a password.

use base64::Engine as _;
use chrono::Duration;
use serde_json::{Value, json};

use super::{Access, Token};
use crate::{
    answer::{Answer, Call, Outcome, Refusal},
    body, ids,
    state::State,
    times,
};

impl Access {
    /// A token for a user whom nothing needs to show: StackStorm gives each running action one.
    pub(crate) fn issue(&mut self, user: &str) -> String {
        let expiry = times::now() + Duration::seconds(self.token_ttl);
        let token = Token { user: user.to_owned(), secret: ids::token(), expiry };
        let secret = token.secret.clone();
        self.tokens.push(token);
        secret
    }
}

impl State {
    /// `POST /tokens` with Basic credentials.
    pub(crate) fn post_token(&mut self, call: &Call) -> Outcome {
        let Some(user) = self.login(call) else { return Err(Refusal::new(401, "Invalid or missing credentials")) };
        let body = body::object(call)?;
        let longest = self.access.token_ttl;
        let ttl = body.get("ttl").and_then(Value::as_i64).unwrap_or(longest);
        if ttl > longest {
            return Err(Refusal::bad(format!("TTL specified {ttl} is greater than max allowed {longest}.")));
        }
        let token = Token { user, secret: ids::token(), expiry: times::now() + Duration::seconds(ttl) };
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
}
