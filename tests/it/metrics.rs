//! The metrics count what happened: a known flow, and exact figures.

mod guards;
mod tracker;

use crate::harness::{Pipeline, Setup, Shape, T0, client, firing, resolved};
use serde_json::json;

const ROUTES: &str = "routes: [{match: 'alertname=\"HostDown\"', action: remediation.host_down_workflow}]";

async fn scrape(url: String) -> String {
    client().get(url).send().await.expect("an answer").text().await.expect("text")
}

/// Every series of a metric, with its value, in the order of its labels.
fn series(text: &str, metric: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix(metric).filter(|rest| rest.starts_with('{')))
        .map(str::to_owned)
        .collect()
}

/// The value of a series, as written.
fn value<'a>(text: &'a str, series: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_flow_gives_exact_figures() {
    let pipeline: Pipeline = Setup::new(Shape::Separate).await.routes(ROUTES).start().await;
    pipeline.send(&[firing("HostDown", "a", T0), firing("Unrouted", "a", T0)]).await;
    pipeline.settled().await;
    pipeline.send(&[firing("HostDown", "a", T0), firing("Watchdog", "a", T0), json!({ "labels": 5 })]).await;
    pipeline.send(&[resolved("HostDown", "a", T0, "2026-11-22T02:00:00Z")]).await;
    assert_eq!(pipeline.post("not json").await.0, 400);
    pipeline.settled().await;
    let ingest = scrape(pipeline.ingest.url("/metrics")).await;
    let expected = [
        ("poundcake_webhooks_total{status=\"202\"}", "3"),
        ("poundcake_webhooks_total{status=\"400\"}", "1"),
        ("poundcake_alerts_total{decision=\"pending\"}", "2"),
        ("poundcake_alerts_total{decision=\"repeat\"}", "1"),
        ("poundcake_alerts_total{decision=\"muted\"}", "1"),
        ("poundcake_alerts_total{decision=\"invalid\"}", "1"),
        ("poundcake_alerts_total{decision=\"resolved\"}", "1"),
        ("poundcake_published_total{result=\"confirmed\"}", "2"),
        ("poundcake_commit_webhooks_sum", "4"),
        ("poundcake_webhooks_total{status=\"503\"}", "0"),
        ("poundcake_pauses", "0"),
    ];
    for (series, figure) in expected {
        assert_eq!(value(&ingest, series), figure, "{series}");
    }
    let dispatcher = scrape(pipeline.dispatcher.as_ref().expect("a dispatcher").url("/metrics")).await;
    let expected = [
        ("poundcake_claims_total{result=\"claimed\"}", "2"),
        ("poundcake_triggers_total{mode=\"direct\",outcome=\"accepted\"}", "1"),
        ("poundcake_settled_total{reason=\"no_route\",status=\"skipped\"}", "1"),
        ("poundcake_links_total", "1"),
        ("poundcake_webhook_to_execution_seconds_count", "1"),
        ("poundcake_duplicates_detected_total", "0"),
        ("poundcake_circuit_state", "0"),
    ];
    for (series, figure) in expected {
        assert_eq!(value(&dispatcher, series), figure, "{series}");
    }
    for text in [ingest, dispatcher] {
        assert!(!text.contains("HostDown"), "no alert text in metrics");
    }
}
