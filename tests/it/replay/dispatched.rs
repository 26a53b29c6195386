//! What a replay runs: one more execution, under the new generation's tag.

use super::rows::{log, order, states};
use crate::harness::{Pipeline, SOON, Setup, Shape, T0, client, eventually, firing, on_both_shapes, resolved};
use serde_json::{Value, json};
use std::collections::BTreeMap;

on_both_shapes! {
    a_replayed_alert_runs_once_more_under_its_new_generation,
    the_history_of_a_replayed_alert_has_the_calls_of_all_its_generations,
    a_closed_episode_stays_closed_and_its_follower_runs_on_its_own_when_it_is_named,
    an_alert_that_no_rule_matched_runs_when_it_is_replayed_after_the_rule_was_mended,
    orders_while_dispatchers_run_give_one_execution_per_generation,
}

const T1: &str = "2026-11-22T02:00:00Z";
const ROUTES: &str = r#"
routes:
  - match: alertname="HostDown"
    action: remediation.host_down_workflow
  - match: alertname="Fails"
    action: remediation.fails
  - match: alertname="NoRule"
    webhook: poundcake_alert
"#;

async fn replay(pipeline: &Pipeline, body: &Value) -> Value {
    let (status, answer) = order(pipeline.ingest.url("/api/v1/replays"), body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn tags(pipeline: &Pipeline) -> Vec<String> {
    let roots = pipeline.st2().executions().into_iter().filter(|execution| execution.parent.is_none());
    roots.map(|execution| execution.trace_tag).collect()
}

async fn a_replayed_alert_runs_once_more_under_its_new_generation(shape: Shape) {
    let pipeline = Pipeline::of(shape, |setup| setup.routes(ROUTES)).await;
    let request_id = pipeline.send(&[firing("HostDown", "a", T0)]).await;
    pipeline.settled().await;
    let body = json!({ "filter": { "request_id": request_id }, "reason": "once more", "include_dispatched": true });
    assert_eq!(replay(&pipeline, &body).await, json!({ "matched": 1, "replayed": 1 }));
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["dispatched/- 1 0"]);
    assert_eq!(tags(&pipeline), [0, 1].map(|generation| format!("poundcake:{request_id}:1:{generation}")));
    assert_eq!(pipeline.database().count("poundcake_st2_execution_link"), 2);
    assert_eq!(log(pipeline.database(), 1)[0]["from"], "dispatched/-");
}

/// The steps of alert 1, without its executions' own.
async fn steps(pipeline: &Pipeline) -> Vec<String> {
    let story: Value =
        client().get(pipeline.ingest.url("/api/v1/alerts/1")).send().await.unwrap().json().await.unwrap();
    let steps = story["steps"].as_array().unwrap_or_else(|| panic!("{story}")).clone();
    let words = steps.iter().filter_map(|step| step["step"].as_str());
    words.filter(|word| !word.starts_with("execution")).map(str::to_owned).collect()
}

async fn the_history_of_a_replayed_alert_has_the_calls_of_all_its_generations(shape: Shape) {
    let call = ["attempted", "dispatched"];
    let pipeline = Pipeline::of(shape, |setup| setup.routes(ROUTES)).await;
    pipeline.send(&[firing("HostDown", "a", T0)]).await;
    pipeline.settled().await;
    let mut expected = [&["received"][..], &call].concat();
    assert_eq!(steps(&pipeline).await, expected);
    let body = json!({ "filter": { "ids": [1] }, "reason": "once more", "include_dispatched": true });
    for _ in 0..2 {
        replay(&pipeline, &body).await;
        pipeline.settled().await;
        expected.extend([&["pending_again"][..], &call].concat());
        assert_eq!(steps(&pipeline).await, expected);
    }
    let (status, text, error) = pipeline.setup.process("history").argument("1").run().await;
    assert!(status.success(), "{error}");
    assert_eq!(text.matches("StackStorm was called").count(), 3, "{text}");
}

async fn a_closed_episode_stays_closed_and_its_follower_runs_on_its_own_when_it_is_named(shape: Shape) {
    let pipeline = Pipeline::of(shape, |setup| setup.routes(ROUTES)).await;
    for alert in [firing("Fails", "a", T0), firing("Fails", "a", T0), resolved("Fails", "a", T0, T1)] {
        pipeline.send(&[alert]).await;
        pipeline.settled().await;
    }
    let body = json!({ "filter": { "ids": [1, 2] }, "reason": "once more", "include_dispatched": true });
    assert_eq!(replay(&pipeline, &body).await, json!({ "matched": 2, "replayed": 2 }));
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["dispatched/- 1 0", "dispatched/- 1 0", "skipped/resolved 0 0"]);
    let closed = "poundcake_alerts WHERE id = 1 AND closed_at IS NOT NULL AND open_fingerprint IS NULL";
    assert_eq!(pipeline.database().count(closed), 1);
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE id = 2 AND opened_by = 1"), 1);
    pipeline.send(&[firing("Fails", "a", T0)]).await;
    pipeline.settled().await;
    assert_eq!(states(pipeline.database())[3], "skipped/reopened 0 0");
    assert_eq!(tags(&pipeline).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_discarded_while_dispatchers_were_stopped_do_not_run_later() {
    let pipeline = Setup::new(Shape::Separate).await.routes(ROUTES).start_without_dispatcher().await;
    pipeline.send(&[firing("Fails", "a", T0), firing("Fails", "b", T0)]).await;
    eventually("both are queued", SOON, async || match states(pipeline.database()) {
        seen if seen.iter().all(|state| state.starts_with("queued")) => Ok(()),
        seen => Err(seen),
    })
    .await;
    let body = json!({ "filter": { "ids": [1] }, "reason": "planned work" });
    let (_, answer) = order(pipeline.ingest.url("/api/v1/discards"), &body).await;
    assert_eq!(answer, json!({ "matched": 1, "discarded": 1 }));
    let _dispatcher = pipeline.setup.process("dispatcher").start().ready().await;
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["skipped/discarded 0 0", "dispatched/- 0 0"]);
    assert_eq!(tags(&pipeline).len(), 1);
}

async fn an_alert_that_no_rule_matched_runs_when_it_is_replayed_after_the_rule_was_mended(shape: Shape) {
    let pipeline = Pipeline::of(shape, |setup| setup.routes(ROUTES)).await;
    let request_id = pipeline.send(&[firing("NoRule", "a", T0)]).await;
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["skipped/no_rule_matched 0 0"]);
    let rule = "{name: mended, trigger: {type: core.st2.webhook, parameters: {url: poundcake_alert}}, \
                    action: {ref: remediation.fails}}";
    pipeline.st2().add_rule("remediation", rule).unwrap();
    let body = json!({ "filter": { "reason": "no_rule_matched" }, "reason": "the rule was wrong" });
    assert_eq!(replay(&pipeline, &body).await, json!({ "matched": 1, "replayed": 1 }));
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["dispatched/- 1 0"]);
    assert_eq!(tags(&pipeline), [format!("poundcake:{request_id}:1:1")]);
}

async fn orders_while_dispatchers_run_give_one_execution_per_generation(shape: Shape) {
    let pipeline = Pipeline::of(shape, |setup| setup.routes(ROUTES)).await;
    pipeline.st2().set_pace(st2_stand_in::Pace::fast());
    let alerts: Vec<Value> = (0..300).map(|n| firing("Fails", &format!("host-{n}"), T0)).collect();
    pipeline.send(&alerts).await;
    let body = json!({ "filter": { "alert_name": "Fails" }, "reason": "storm", "include_dispatched": true });
    for _ in 0..4 {
        let (one, two) = tokio::join!(replay(&pipeline, &body), replay(&pipeline, &body));
        for answer in [one, two] {
            assert!(answer["replayed"].as_u64() <= answer["matched"].as_u64(), "{answer}");
        }
    }
    pipeline.settled().await;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for tag in tags(&pipeline) {
        *seen.entry(tag).or_default() += 1;
    }
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    let generations =
        pipeline.database().lines("SELECT CONCAT(SUM(dispatch_generation + 1), '') AS value FROM poundcake_alerts");
    assert_eq!(generations, [seen.len().to_string()]);
}
