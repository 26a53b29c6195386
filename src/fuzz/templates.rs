//! Alert text in a route's parameters: what StackStorm gets holds no template marker, whatever the alert says.

use crate::{
    dispatcher::template::{AlertView, Template},
    model::{
        ids::{AlertId, Fingerprint, RequestId},
        status::AlertStatus,
    },
    stackstorm::text::{self, TemplateText},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What Jinja and YAQL would evaluate.
const MARKERS: [&str; 4] = ["{{", "{%", "{#", "<%"];

/// The text before the first NUL is the route's, what follows is the alert's.
pub(super) fn target(bytes: &[u8]) {
    let whole = String::from_utf8_lossy(bytes);
    let (route, alert) = whole.split_once('\0').unwrap_or((&whole, &whole));
    let broken = text::break_markers(alert);
    assert!(MARKERS.iter().all(|marker| !broken.contains(marker)), "{alert:?} became {broken:?}");
    assert_eq!(text::break_markers(&broken), broken, "once is enough for {alert:?}");
    let value = serde_json::from_str(route).unwrap_or_else(|_no_json| Value::String(route.to_owned()));
    if let Ok(template) = Template::parse(value) {
        fill(&template, alert);
    }
}

fn fill(template: &Template, text: &str) {
    let texts = BTreeMap::from([("instance", text), ("alertname", text), (text, text)]);
    let labels: BTreeMap<String, String> =
        texts.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let fingerprint = Fingerprint::of_labels(&labels);
    let view = AlertView {
        request_id: RequestId::generate(),
        alert_id: AlertId(7),
        fingerprint: &fingerprint,
        status: AlertStatus::Firing,
        labels: &labels,
        annotations: &labels,
        starts_at: None,
        generator_url: Some(text),
    };
    for placeholder in template.placeholders() {
        placeholder.is_refused(&view);
    }
    if template.is_literal() {
        return;
    }
    match text::disarm("parameter", template.render(&view), TemplateText::Break) {
        Ok(sent) => is_inert(&sent),
        Err(error) => panic!("broken markers are never refused: {error}"),
    }
}

fn is_inert(value: &Value) {
    let inert =
        |text: &str| assert!(MARKERS.iter().all(|marker| !text.contains(marker)), "{text:?} would be evaluated");
    match value {
        Value::String(text) => inert(text),
        Value::Array(list) => list.iter().for_each(is_inert),
        Value::Object(map) => map.iter().for_each(|(name, value)| {
            inert(name);
            is_inert(value);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
