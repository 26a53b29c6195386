//! A request and its answer without any HTTP library: what the pure part of the stand-in works on.

use serde_json::{Value, json};

/// One request.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    pub(super) method: String,
    /// The path's segments, without the prefix of the API (`/v1`, `/api/v1`).
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Call {
    /// A header, by name in any case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A query parameter; of a repeated one the last, and an empty one is none.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A comma list in the query.
    pub(super) fn query_list(&self, name: &str) -> Option<Vec<&str>> {
        self.query(name).map(|value| value.split(',').collect())
    }

    /// A yes or no in the query.
    pub(super) fn query_flag(&self, name: &str) -> bool {
        self.query(name).is_some_and(|value| matches!(value.to_lowercase().as_str(), "true" | "1" | "yes" | "y"))
    }
}

/// What is sent back.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// A JSON body.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::raw(status, "application/json", body.to_string().into_bytes())
    }

    /// Any body.
    pub(super) fn raw(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, content_type, body, headers: Vec::new() }
    }

    /// StackStorm's error body.
    pub(super) fn fault(status: u16, text: &str) -> Self {
        Self::json(status, &json!({ "faultstring": text }))
    }

    /// With one more header.
    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Why a request is refused: the status and the text in `faultstring`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) text: String,
}

impl Refusal {
    pub(super) fn new(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::new(400, text)
    }

    /// No route has this path and method.
    pub(super) fn no_route() -> Self {
        Self::new(404, "The resource could not be found.")
    }

    pub(super) fn no_resource(id: &str) -> Self {
        Self::new(404, format!("Unable to identify resource with id \"{id}\"."))
    }

    pub(super) fn no_reference(reference: &str) -> Self {
        Self::new(404, format!("Resource with a reference or id \"{reference}\" not found"))
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::fault(refusal.status, &refusal.text)
    }
}

/// What a route gives.
pub(super) type Outcome = Result<Answer, Refusal>;

/// One of a list, by its id.
pub(super) fn by_id(items: &[Value], id: &str) -> Outcome {
    found(items.iter().find(|item| item["id"] == id), || Refusal::no_resource(id))
}

/// One thing, or a refusal.
pub(super) fn found(item: Option<&Value>, refusal: impl FnOnce() -> Refusal) -> Outcome {
    item.map(|item| Answer::json(200, item)).ok_or_else(refusal)
}
