//! A dispatch that may have run is looked up before it is run again.

use super::rows::{log, order, states};
use crate::harness::{Pipeline, SOON, Shape, T0, TestDatabase, client, eventually, firing, on_both_shapes};
use serde_json::{Value, json};
use st2_stand_in::{Fault, Pace};
use std::time::Duration;

on_both_shapes! {
    one_that_ran_after_its_deadline_is_adopted_and_not_run_again,
    one_that_stackstorm_never_had_is_posted_after_a_settle_time,
    one_that_stackstorm_is_still_working_off_is_waited_for_beyond_the_settle_time,
    executions_of_an_earlier_generation_are_not_taken_for_the_uncertain_one,
    one_that_may_have_run_a_day_ago_is_run_only_where_a_person_accepts_that,
}

const ROUTES: &str = r#"
routes:
  - match: alertname="Rule"
    webhook: poundcake_alert
    parameters: {alert_name: HostDown}
"#;

/// Impatient ones, so that a deadline passes in a test.
async fn started(shape: Shape) -> Pipeline {
    Pipeline::of(shape, |setup| {
        setup
            .routes(ROUTES)
            .variable("POUNDCAKE_RULE_DEADLINE", "1s")
            .variable("POUNDCAKE_SETTLE_TIME", "1s")
            .variable("POUNDCAKE_SILENT_SETTLE_TIME", "1s")
            .variable("POUNDCAKE_ST2_TIMEOUT", "2s")
    })
    .await
}

async fn replay(pipeline: &Pipeline) {
    let body = json!({ "filter": { "reason": "uncertain" }, "reason": "looked at it" });
    let (status, answer) = order(pipeline.ingest.url("/api/v1/replays"), &body).await;
    assert_eq!((status, answer), (200, json!({ "matched": 1, "replayed": 1 })));
}

fn tags(pipeline: &Pipeline) -> Vec<String> {
    let roots = pipeline.st2().executions().into_iter().filter(|execution| execution.parent.is_none());
    roots.map(|execution| execution.trace_tag).collect()
}

async fn adopted(pipeline: &Pipeline) -> bool {
    let process = pipeline.dispatcher.as_ref().unwrap_or(&pipeline.ingest);
    let text = client().get(process.url("/metrics")).send().await.unwrap().text().await.unwrap();
    text.contains("poundcake_replays_total{result=\"adopted\"} 1\n")
}

fn events(pipeline: &Pipeline) -> Vec<String> {
    let log = log(pipeline.database(), 1);
    let event = |entry: &Value| entry["event"].as_str().unwrap_or_default().to_owned();
    log.as_array().into_iter().flatten().map(event).collect()
}

async fn one_that_ran_after_its_deadline_is_adopted_and_not_run_again(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault(Fault::RulesEngineStopped);
    let request_id = pipeline.send(&[firing("Rule", "a", T0)]).await;
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["failed/uncertain 0 0"]);
    pipeline.st2().clear_faults();
    let tag = format!("poundcake:{request_id}:1:0");
    eventually("the rule has run", SOON, async || match pipeline.st2().executions_with_tag(&tag) {
        found if found.is_empty() => Err(()),
        _ => Ok(()),
    })
    .await;
    replay(&pipeline).await;
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["dispatched/- 1 0"]);
    assert_eq!(tags(&pipeline), [tag]);
    assert_eq!(pipeline.database().count("poundcake_st2_execution_link WHERE st2_rule_ref IS NOT NULL"), 1);
    assert_eq!(events(&pipeline), ["uncertain", "replayed", "adopted"]);
    assert!(adopted(&pipeline).await);
}

async fn one_that_stackstorm_never_had_is_posted_after_a_settle_time(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::CloseBeforeCreate, 1);
    let request_id = pipeline.send(&[firing("Rule", "a", T0)]).await;
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["failed/uncertain 0 0"]);
    replay(&pipeline).await;
    assert!(states(pipeline.database())[0].ends_with(" 1 1"), "uncertain until it was looked up");
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["dispatched/- 1 0"]);
    assert_eq!(tags(&pipeline), [format!("poundcake:{request_id}:1:1")]);
    assert_eq!(events(&pipeline), ["uncertain", "replayed", "older_generation", "settled"]);
    assert!(!adopted(&pipeline).await);
}

async fn one_that_stackstorm_is_still_working_off_is_waited_for_beyond_the_settle_time(shape: Shape) {
    let pipeline = started(shape).await;
    // Longer than deadline, timeout and settle time together.
    pipeline.st2().set_pace(Pace { enforce: Duration::from_secs(8), ..Pace::fast() });
    let request_id = pipeline.send(&[firing("Rule", "a", T0)]).await;
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["failed/uncertain 0 0"]);
    replay(&pipeline).await;
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["dispatched/- 1 0"]);
    assert_eq!(tags(&pipeline), [format!("poundcake:{request_id}:1:0")]);
    assert_eq!(pipeline.st2().seen().webhooks, 1);
}

async fn executions_of_an_earlier_generation_are_not_taken_for_the_uncertain_one(shape: Shape) {
    let pipeline = started(shape).await;
    let request_id = pipeline.send(&[firing("Rule", "a", T0)]).await;
    pipeline.settled().await;
    pipeline.st2().set_fault_times(Fault::CloseBeforeCreate, 1);
    let body = json!({ "filter": { "ids": [1] }, "reason": "once more", "include_dispatched": true });
    assert_eq!(order(pipeline.ingest.url("/api/v1/replays"), &body).await.0, 200);
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["failed/uncertain 1 0"]);
    replay(&pipeline).await;
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["dispatched/- 2 0"]);
    assert_eq!(tags(&pipeline), [0, 2].map(|generation| format!("poundcake:{request_id}:1:{generation}")));
}

/// StackStorm's garbage collector may delete executions and traces after a day.
async fn one_that_may_have_run_a_day_ago_is_run_only_where_a_person_accepts_that(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::CloseBeforeCreate, 1);
    let request_id = pipeline.send(&[firing("Rule", "a", T0)]).await;
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["failed/uncertain 0 0"]);
    let yesterday = match pipeline.database() {
        TestDatabase::MariaDb { .. } => "attempted_at - INTERVAL 21 HOUR",
        TestDatabase::Sqlite { .. } => "strftime('%Y-%m-%d %H:%M:%f', attempted_at, '-21 hours')",
    };
    pipeline.database().execute(&format!("UPDATE poundcake_alerts SET attempted_at = {yesterday}"));
    let order_of = async |body: Value| order(pipeline.ingest.url("/api/v1/replays"), &body).await;
    let many = json!({ "filter": { "reason": "uncertain" }, "reason": "all of them" });
    assert_eq!(order_of(many).await, (200, json!({ "matched": 0, "replayed": 0, "refused": 1 })));
    assert_eq!(states(pipeline.database()), ["failed/uncertain 0 0"]);

    // Named, it is looked up; what is not found proves nothing, then or ever.
    for generation in 1..3 {
        let named = json!({ "filter": { "ids": [1] }, "reason": "this one" });
        assert_eq!(order_of(named).await, (200, json!({ "matched": 1, "replayed": 1 })));
        pipeline.settled().await;
        assert_eq!(states(pipeline.database()), [format!("failed/uncertain {generation} 0")]);
    }
    let error = pipeline.database().lines("SELECT dispatch_error AS value FROM poundcake_alerts");
    assert!(error[0].contains("accept_unknown"), "{error:?}");
    assert_eq!(pipeline.st2().seen().webhooks, 1);

    let accepted = json!({ "filter": { "reason": "uncertain" }, "reason": "it did not run", "accept_unknown": true });
    assert_eq!(order_of(accepted).await, (200, json!({ "matched": 1, "replayed": 1 })));
    pipeline.settled().await;
    assert_eq!(states(pipeline.database()), ["dispatched/- 3 0"]);
    assert_eq!(tags(&pipeline), [format!("poundcake:{request_id}:1:3")]);
    let log = log(pipeline.database(), 1);
    let replays: Vec<&Value> = log.as_array().unwrap().iter().filter(|entry| entry["event"] == "replayed").collect();
    assert!(replays[0]["last_attempt"].is_string() && replays[1].get("last_attempt").is_none(), "{log}");
    assert_eq!(replays[2]["accept_unknown"], true);
}
