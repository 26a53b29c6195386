//! Templates over one alert.

use super::*;
use crate::model::{
    ids::{AlertId, Fingerprint, RequestId},
    status::AlertStatus,
};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// An alert that owns what a view borrows.
pub(crate) struct TestAlert {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    fingerprint: Fingerprint,
    request_id: RequestId,
}

impl TestAlert {
    pub(crate) fn new(labels: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            labels: labels.iter().map(own).collect(),
            annotations: BTreeMap::from([("summary".to_owned(), "it is {{ down }}".to_owned())]),
            fingerprint: Fingerprint::parse("d255a28ae8b98356").unwrap(),
            request_id: RequestId::parse("019aa7b5-8f2b-7c3e-9a51-2f6f3c1d4e5f").unwrap(),
        }
    }

    pub(crate) fn view(&self) -> AlertView<'_> {
        AlertView {
            request_id: self.request_id,
            alert_id: AlertId(7),
            fingerprint: &self.fingerprint,
            status: AlertStatus::Firing,
            labels: &self.labels,
            annotations: &self.annotations,
            starts_at: Some(chrono::DateTime::from_timestamp(1_795_305_601, 500_000_000).unwrap().naive_utc()),
            generator_url: None,
        }
    }
}

fn host_down() -> TestAlert {
    TestAlert::new(&[("alertname", "HostDown"), ("instance", "web-01:9100"), ("k8s.pod", "p")])
}

fn render(template: Value) -> Value {
    Template::parse(template).unwrap().render(&host_down().view())
}

#[test]
fn every_placeholder_is_filled() {
    let all = "${alert_name} ${instance} ${fingerprint} ${status} ${starts_at} ${request_id} ${alert_id}";
    let filled = "HostDown web-01:9100 d255a28ae8b98356 firing 2026-11-22T00:00:01.500000Z \
                  019aa7b5-8f2b-7c3e-9a51-2f6f3c1d4e5f 7";
    assert_eq!(render(json!(all)), filled);
    assert_eq!(render(json!("${labels.k8s.pod}/${ annotations.summary }")), "p/it is {{ down }}");
    assert_eq!(render(json!("<${severity}${labels.team}${generator_url}>")), "<>");
}

#[test]
fn a_lone_map_is_a_map_and_json_within_text() {
    assert_eq!(render(json!("${annotations}")), json!({"summary": "it is {{ down }}"}));
    assert_eq!(render(json!("a=${annotations}")), r#"a={"summary":"it is {{ down }}"}"#);
}

#[test]
fn lists_and_maps_are_filled_in_depth_and_the_rest_is_left_alone() {
    let value = json!({"hosts": ["${instance}", 1], "force": true, "n": null});
    assert_eq!(render(value), json!({"hosts": ["web-01:9100", 1], "force": true, "n": null}));
}

#[test]
fn text_without_a_placeholder_is_literal() {
    for value in [json!(5), json!("{{ st2kv.system.x }}"), json!(["a", {"b": null}]), json!("$5 } $x"), json!("")] {
        let template = Template::parse(value.clone()).unwrap();
        assert_eq!(template, Template::Literal(value));
    }
}

#[test]
fn a_doubled_dollar_is_a_plain_one() {
    assert_eq!(render(json!("$${instance} is ${instance}")), "${instance} is web-01:9100");
    assert_eq!(render(json!("$${x")), "${x");
}

#[test]
fn an_unknown_placeholder_names_the_known_ones() {
    let error = |text: &str| Template::parse(json!(text)).unwrap_err().to_string();
    assert!(error("${alertname}").starts_with("${alertname} is unknown; write alert_name, severity,"));
    assert!(error("${labels.}").starts_with("${labels.} is unknown"));
    assert!(error("a ${instance").starts_with("${ without a closing brace; write ${labels.NAME}"));
    assert!(Template::parse(json!([{"a": "${x}"}])).is_err());
}

#[test]
fn a_question_mark_permits_an_empty_value() {
    let refused = |text: &str| {
        let template = Template::parse(json!({ "a": ["b", text] })).unwrap();
        let alert = TestAlert::new(&[("alertname", "HostDown"), ("blank", " \t"), ("team", "db")]);
        let all = template.placeholders();
        all.into_iter().find(|placeholder| placeholder.is_refused(&alert.view())).map(ToString::to_string)
    };
    for (text, expected) in [
        ("${labels.cluster}-*", Some("${labels.cluster}")),
        ("${labels.team} ${ labels.blank }", Some("${labels.blank}")),
        ("${instance}", Some("${instance}")),
        ("${generator_url}", Some("${generator_url}")),
        ("${labels.cluster?}-* ${ instance ? }", None),
        ("${labels.team} ${fingerprint} ${starts_at} ${labels} ${annotations}", None),
        ("$${labels.cluster}", None),
    ] {
        assert_eq!(refused(text).as_deref(), expected, "{text}");
    }
    assert_eq!(render(json!("<${labels.cluster?}>")), "<>");
}

proptest! {
    #[test]
    fn alert_text_is_never_read_as_a_placeholder(text in r"[${}a-z.]{0,16}") {
        let alert = TestAlert::new(&[("instance", &text)]);
        let template = Template::parse(json!("<${instance}>")).unwrap();
        prop_assert_eq!(template.render(&alert.view()), json!(format!("<{text}>")));
    }

    #[test]
    fn no_template_makes_it_panic(text in r"[${}a-z. ü]{0,24}") {
        if let Ok(template) = Template::parse(json!(text)) {
            template.render(&host_down().view());
        }
    }
}
