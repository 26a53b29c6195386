//! What is followed, and what the rows have at the end.

use super::World;
use crate::harness::{PATIENCE, Pipeline, SOON, Setup, Shape, T0, eventually, firing, on_both_shapes};
use serde_json::json;
use st2_stand_in::Fault;

on_both_shapes! {
    the_tables_have_an_alerts_execution_with_its_tasks_and_all_registered_objects,
}

const ROUTES: &str = r#"
routes:
  - match: alertname="HostDown"
    action: remediation.host_down_workflow
  - match: alertname="Secret"
    action: remediation.secretive
    parameters: {token: "s3cret-of-the-route"}
"#;

async fn has_rows(pipeline: &Pipeline, what: &str, wanted: i64) {
    eventually(&format!("{wanted} rows in {what}"), SOON, async || match pipeline.database().count(what) {
        rows if rows == wanted => Ok(()),
        others => Err(others),
    })
    .await;
}

async fn the_tables_have_an_alerts_execution_with_its_tasks_and_all_registered_objects(shape: Shape) {
    let pipeline = Pipeline::of(shape, |setup| setup.routes(ROUTES)).await;
    let tracker = pipeline.dispatcher.is_some().then(|| pipeline.start_tracker());
    let _tracker = match tracker {
        Some(tracker) => Some(tracker.await),
        None => None,
    };
    pipeline.send(&[firing("HostDown", "web-1", T0)]).await;
    pipeline.settled().await;
    has_rows(&pipeline, "execution_db WHERE tracking = 'done' AND status = 'succeeded'", 3).await;
    let root = "execution_db WHERE id = (SELECT st2_execution_id FROM poundcake_st2_execution_link)";
    assert_eq!(pipeline.database().count(&format!("{root} AND parent IS NULL AND result LIKE '%recovered web-1%'")), 1);
    let children = "execution_db WHERE parent = (SELECT st2_execution_id FROM poundcake_st2_execution_link)";
    assert_eq!(pipeline.database().count(children), 2);
    let times =
        "execution_db WHERE start_timestamp IS NULL OR end_timestamp IS NULL OR end_timestamp < start_timestamp";
    assert_eq!(pipeline.database().count(times), 0);
    assert_eq!(pipeline.database().count("execution_db WHERE context LIKE '%trace_tag%poundcake:%'"), 1);
    has_rows(&pipeline, "liveaction_db WHERE status = 'succeeded'", 3).await;

    has_rows(&pipeline, "webhook_db WHERE url = 'poundcake_alert'", 1).await;
    let workflow = "name = 'host_down_workflow' AND pack = 'remediation'";
    assert_eq!(pipeline.database().count(&format!("workflow_db WHERE {workflow}")), 1);
    assert_eq!(pipeline.database().count(&format!("action_db WHERE {workflow} AND runner_type = 'orquesta'")), 1);
    assert_eq!(pipeline.database().count("rule_db WHERE name = 'host_down_rule' AND enabled = 1"), 1);
    assert!(pipeline.database().count("trigger_db WHERE type = 'core.st2.webhook'") >= 1);
    assert_eq!(pipeline.database().count("workflow_db WHERE name = 'local'"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_parameter_stays_masked() {
    let pipeline = Setup::new(Shape::Standalone).await.routes(ROUTES).start().await;
    pipeline.send(&[firing("Secret", "web-1", T0)]).await;
    pipeline.settled().await;
    has_rows(&pipeline, "execution_db WHERE tracking = 'done'", 1).await;
    for table in ["execution_db", "liveaction_db"] {
        assert_eq!(pipeline.database().count(&format!("{table} WHERE parameters LIKE '%********%'")), 1);
        let rows = pipeline.database().lines(&format!("SELECT parameters || context AS value FROM {table}"));
        assert!(!rows.concat().contains("s3cret"), "{rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_megabytes_is_kept_whole() {
    let world = World::new().await;
    let _tracker = world.tracker().await;
    let id = world.run("core.local", json!({ "cmd": format!("echo {}", "x".repeat(3 << 20)) })).await;
    world.link(&[&id]);
    world.becomes(&id, "succeeded/done").await;
    let length = world.setup.database.lines(&format!(
        "SELECT CAST(LENGTH(JSON_VALUE(result, '$.stdout')) AS CHAR) AS value FROM execution_db WHERE id = '{id}'"
    ));
    assert_eq!(length, [(3 << 20).to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_that_stackstorm_deletes_stays_and_is_marked_as_gone() {
    let world = World::new().await;
    let tracker = world.tracker().await;
    world.st2().set_fault(Fault::SchedulerStopped);
    let ended = "6b02354e3117e68b4306be78".to_owned();
    let waiting = world.run("core.noop", json!({})).await;
    world.link(&[&waiting, &ended]);
    world.becomes(&waiting, "requested/following").await;
    world.st2().forget(&waiting);
    world.becomes(&waiting, "requested/gone").await;
    // One that StackStorm had deleted before anybody looked: all that is known is the link's action.
    world.becomes(&ended, "-/gone").await;
    assert_eq!(world.setup.database.count("execution_db WHERE action = 'core.noop'"), 2);
    assert!(tracker.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_missing_from_stackstorms_lists_are_followed_to_their_end() {
    let world = World::new().await.variable("ST2_STREAM_URL", "");
    let _tracker = world.tracker().await;
    let ids = [world.run("core.noop", json!({})).await, world.run("core.noop", json!({})).await];
    world.st2().set_fault(Fault::HiddenFromLists { ids: vec![ids[0].clone()] });
    world.link(&ids);
    for id in &ids {
        world.becomes(id, "succeeded/done").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_that_does_not_end_is_marked_overdue_and_followed() {
    let world = World::new().await.variable("POUNDCAKE_EXECUTION_DEADLINE", "1s");
    let tracker = world.tracker().await;
    world.st2().set_fault(Fault::SchedulerStopped);
    let id = world.run_and_link(1).await.remove(0);
    world.becomes(&id, "requested/overdue").await;
    let metrics = crate::harness::client().get(tracker.url("/metrics")).send().await.expect("metrics");
    let metrics = metrics.text().await.expect("text");
    assert!(metrics.contains("poundcake_tracker_overdue_total 1"), "{metrics}");
    assert_eq!(tracker.events("execution_overdue").len(), 1);
    world.st2().clear_faults();
    world.becomes(&id, "succeeded/done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_become_visible_in_the_other_order_are_not_missed() {
    let world = World::new().await;
    let first = world.run("core.noop", json!({})).await;
    let second = world.run("core.noop", json!({})).await;
    let mut held = world.setup.database.hold().expect("a connection");
    let insert = format!(
        "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, created_at) \
         VALUES ('r', 1, '{first}', UTC_TIMESTAMP(6))"
    );
    diesel::RunQueryDsl::execute(diesel::sql_query("BEGIN"), &mut held).expect("a transaction");
    diesel::RunQueryDsl::execute(diesel::sql_query(insert), &mut held).expect("a link, not committed");
    let _tracker = world.tracker().await;
    world.link(&[&second]);
    world.becomes(&second, "succeeded/done").await;
    assert_eq!(world.row(&first), None);
    diesel::RunQueryDsl::execute(diesel::sql_query("COMMIT"), &mut held).expect("now it is seen");
    eventually("the first link is followed", PATIENCE, async || world.row(&first).map(|_| ()).ok_or("no row")).await;
}
