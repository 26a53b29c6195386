//! The API keys over HTTP.

use serde_json::{Value, json};

use super::ApiKey;
use crate::{
    answer::{Answer, Call, Outcome, Refusal},
    body,
    execution::MASK,
    ids::{self, key_hash},
    parameters, python,
    state::State,
    times,
};

impl State {
    pub(crate) fn api_keys(&self) -> Vec<Value> {
        self.access.keys.iter().map(masked).collect()
    }

    pub(crate) fn api_key(&self, id: &str) -> Outcome {
        let missing = || Refusal::new(404, format!("ApiKey matching {id} for reference and id not found."));
        let key = self.access.keys.iter().find(|key| key.id == id).ok_or_else(missing)?;
        Ok(Answer::json(200, &masked(key)))
    }

    /// Makes a key; it is shown in clear here and never again.
    pub(crate) fn post_api_key(&mut self, call: &Call, user: &str) -> Outcome {
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
            created: times::now(),
            enabled: body.get("enabled").is_none_or(python::truth),
        };
        let answer = json!({
            "uid": format!("api_key:{}", key.hash), "user": key.user, "metadata": key.metadata, "id": key.id,
            "created_at": times::micros(key.created), "enabled": key.enabled, "key": shown,
        });
        self.access.keys.push(key);
        Ok(Answer::json(201, &answer))
    }

    pub(crate) fn put_api_key(&mut self, id: &str, call: &Call) -> Outcome {
        let body = body::object(call)?;
        let now = times::now();
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

    pub(crate) fn delete_api_key(&mut self, id: &str) -> Outcome {
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
