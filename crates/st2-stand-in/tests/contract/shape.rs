//! Comparing a live answer with a recorded one.

use std::{collections::HashMap, sync::LazyLock};

use regex::Regex;
use serde_json::Value;

/// What is not compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tolerance {
    /// Members whose value (not presence) may differ in anything but its type.
    pub(crate) values: Vec<&'static str>,
    /// Members that may be there or not.
    pub(crate) members: Vec<&'static str>,
    /// Lists are compared as far as the shorter one goes.
    pub(crate) lists_by_prefix: bool,
}

impl Tolerance {
    /// Elsewhere the key belongs to somebody else.
    pub(crate) fn of_another_user(mut self) -> Self {
        self.values.push("user");
        self
    }
}

static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|\+00:00)", "<time$1>"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
        (r"^(api_key:)?[0-9a-f]{128}$", "${1}<sha512>"),
        (r"\b[0-9a-f]{32}\b", "<hex32>"),
        (r"\b[0-9a-f]{24}\b", "<id>"),
        (r"EXAMPLE-TOKEN-\d", "<hex32>"),
        (r"^(EXAMPLE-API-KEY-\d|[A-Za-z0-9+/]{86})$", "<key>"),
        (r"127\.0\.0\.1:\d+", "<address>"),
    ]
    .into_iter()
    .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
    .collect()
});

/// The text without what differs each time.
pub(crate) fn normal(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, name) in VARYING.iter() {
        text = pattern.replace_all(&text, *name).into_owned();
    }
    text
}

/// A comparison under way: what differs, and which recorded id is which live one.
pub(crate) struct Comparison<'a> {
    pub(crate) tolerance: &'a Tolerance,
    pub(crate) ids: &'a mut HashMap<String, String>,
    pub(crate) differences: Vec<String>,
}

impl Comparison<'_> {
    pub(crate) fn compare(&mut self, path: &str, recorded: &Value, live: &Value) {
        let name = path.rsplit('.').next().unwrap_or(path);
        match (recorded, live) {
            (Value::Object(_), Value::Object(_)) => self.objects(path, recorded, live),
            (Value::Array(recorded), Value::Array(live)) => {
                if recorded.len() != live.len() && !self.tolerance.lists_by_prefix {
                    self.differences.push(format!("{path}: {} items, recorded {}", live.len(), recorded.len()));
                }
                for (at, (recorded, live)) in recorded.iter().zip(live).enumerate() {
                    self.compare(&format!("{path}[{at}]"), recorded, live);
                }
            }
            (Value::String(recorded), Value::String(live)) => self.texts(path, name, recorded, live),
            (Value::Number(recorded), Value::Number(live)) => {
                let varies = matches!(name, "elapsed_seconds" | "pid") || self.tolerance.values.contains(&name);
                if recorded.is_f64() != live.is_f64() || (!varies && recorded != live) {
                    self.differences.push(format!("{path}: {live}, recorded {recorded}"));
                }
            }
            (recorded, live) if recorded == live => {}
            (recorded, live) => {
                let varies = self.tolerance.values.contains(&name);
                if !varies || std::mem::discriminant(recorded) != std::mem::discriminant(live) {
                    self.differences.push(format!("{path}: {live}, recorded {recorded}"));
                }
            }
        }
    }

    fn objects(&mut self, path: &str, recorded: &Value, live: &Value) {
        let (Value::Object(recorded), Value::Object(live)) = (recorded, live) else { return };
        let optional = |name: &String| self.tolerance.members.contains(&name.as_str());
        let missing = recorded.keys().filter(|name| !live.contains_key(*name) && !optional(name));
        let extra = live.keys().filter(|name| !recorded.contains_key(*name) && !optional(name));
        let found: Vec<_> = missing
            .map(|name| format!("{path}.{name} is missing"))
            .chain(extra.map(|name| format!("{path}.{name} was not recorded")))
            .collect();
        self.differences.extend(found);
        for (name, value) in recorded {
            if let Some(live) = live.get(name) {
                self.compare(&format!("{path}.{name}"), value, live);
            }
        }
    }

    fn texts(&mut self, path: &str, name: &str, recorded: &str, live: &str) {
        if name == "web_url" && page(recorded) == page(live) {
            return;
        }
        if name == "hostname" || self.tolerance.values.contains(&name) {
            return;
        }
        if normal(recorded) != normal(live) {
            self.differences.push(format!("{path}: {live:?}, recorded {recorded:?}"));
        } else if is_identity(recorded, live) {
            let known = self.ids.entry(recorded.to_owned()).or_insert_with(|| live.to_owned());
            if known != live {
                self.differences.push(format!("{path}: {live:?} was {known:?} before (recorded {recorded:?})"));
            }
        }
    }
}

/// A page's address without its host, which every StackStorm sets itself, and without the id.
fn page(url: &str) -> Option<String> {
    url.split_once("/#/").map(|(_, page)| normal(page))
}

/// Ids, tags and secrets: each recorded one stands for one live one.
fn is_identity(recorded: &str, live: &str) -> bool {
    let whole = normal(recorded);
    recorded != live && matches!(whole.as_str(), "<id>" | "<uuid>" | "<key>")
        || (recorded.starts_with("EXAMPLE-TOKEN") && whole == "<hex32>")
}
