//! What ran before the loss runs no second time, and every execution of it is linked again.

use super::{
    backups::Kind,
    world::{T1, World, json_of, quiet, ran},
};
use crate::harness::{SOON, T0, eventually, firing, resolved};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn logical() {
    nothing_runs_twice(Kind::Logical).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn physical() {
    nothing_runs_twice(Kind::Physical).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn file() {
    nothing_runs_twice(Kind::File).await;
}

async fn nothing_runs_twice(kind: Kind) {
    let mut world = World::restored(kind).await;
    let looked = json_of(&world.pipeline.setup, "restored", &["--dry-run", "--backup-taken", &world.taken]).await;
    assert_eq!(looked["pause"], Value::Null);
    let report = world.command().await;
    assert_eq!(
        (&report["made"], &report["linked"]),
        (&looked["made"], &looked["linked"]),
        "a dry run says what a run does"
    );
    assert_eq!(linked(&world), executions(&world.ran), "every execution is linked");
    // Two alerts that never ran wait; everything else has ended.
    let open = world.pipeline.statuses("WHERE dispatch_status NOT IN ('dispatched', 'failed', 'skipped')");
    assert_eq!(open, ["Waits pending/-", "Never pending/-"]);
    // A run again finds nothing to do.
    let before = dump(&world);
    let again = world.command().await;
    assert_eq!(
        (&again["made"], &again["linked"], &again["pause"]["id"]),
        (&json!([]), &json!([]), &report["pause"]["id"])
    );
    assert_eq!(dump(&world), before);

    world.start_again().await;
    repeat_everything(&world).await;
    eventually("the alert that never ran is looked up, and held by the pause", SOON, async || {
        let held = world.pipeline.statuses("WHERE dispatch_status = 'held' AND dispatch_uncertain = 0");
        if held == ["Never held/paused"] { Ok(()) } else { Err(held) }
    })
    .await;
    quiet(&world.pipeline).await;
    // It had ended before it was sent, and its next firing had run.
    let ended = world.pipeline.statuses("WHERE instance = 'w2' AND dispatch_reason = 'resolved_before_dispatch'");
    assert_eq!(ended, ["Waits skipped/resolved_before_dispatch"]);
    assert_eq!(ran(&world.pipeline), world.ran, "nothing runs while everything is paused, and no repeat runs again");
    resume_all(&world).await;
    world.pipeline.settled().await;
    assert_new(&world, &["n1"]);
    // The next firing is one.
    let now = chrono::Utc::now().to_rfc3339();
    world.pipeline.send(&[resolved("HostDown", "l1", T0, &now)]).await;
    world.pipeline.send(&[firing("HostDown", "l1", &now)]).await;
    world.pipeline.settled().await;
    assert_new(&world, &["l1", "n1"]);
    assert_eq!(linked(&world), executions(&ran(&world.pipeline)));
}

/// Alertmanager sends again what still fires.
async fn repeat_everything(world: &World) {
    let rows = world.pipeline.database().count("poundcake_alerts");
    let mut again = vec![
        firing("HostDown", "a1", T1),
        firing("HostDown", "a2", T0),
        firing("HostDown", "l1", T0),
        firing("Rule", "r1", T0),
        firing("Rule", "r2", T0),
        firing("Broken", "b1", T0),
        firing("Waits", "w1", T0),
        firing("Waits", "w2", T1),
        firing("Never", "n1", T0),
    ];
    again.extend((0..world.meanwhile).map(|n| firing("HostDown", &format!("m{n}"), T0)));
    world.pipeline.send(&again).await;
    let newest = again.len();
    assert_eq!(world.pipeline.database().count("poundcake_alerts"), rows + i64::try_from(newest).unwrap());
    let repeats = "poundcake_alerts WHERE dispatch_reason = 'repeat' \
                   AND api_call_id = (SELECT MAX(api_call_id) FROM poundcake_alerts)";
    assert_eq!(world.pipeline.database().count(repeats), i64::try_from(newest).unwrap(), "every repeat is one");
}

pub async fn resume_all(world: &World) {
    let guards = json_of(&world.pipeline.setup, "guards", &[]).await;
    let pauses = guards["pauses"].as_array().unwrap().clone();
    assert!(pauses.iter().any(|pause| pause["everything"] == true && pause["until"] == Value::Null), "{pauses:?}");
    for pause in pauses {
        json_of(&world.pipeline.setup, "resume", &[&pause["id"].to_string()]).await;
    }
}

fn executions(ran: &BTreeSet<(String, String)>) -> BTreeSet<String> {
    ran.iter().map(|(_, id)| id.clone()).collect()
}

fn linked(world: &World) -> BTreeSet<String> {
    let lines = world.pipeline.database().lines("SELECT st2_execution_id AS value FROM poundcake_st2_execution_link");
    let count = lines.len();
    let linked: BTreeSet<String> = lines.into_iter().collect();
    assert_eq!(linked.len(), count, "each once");
    linked
}

/// What ran since the loss is exactly one execution for each of these instances.
fn assert_new(world: &World, instances: &[&str]) {
    let roots = world.pipeline.st2().executions().into_iter().filter(|execution| execution.parent.is_none());
    let known = executions(&world.ran);
    let mut new: Vec<String> = roots
        .filter(|execution| !known.contains(&execution.id))
        .map(|execution| execution.document["parameters"]["instance"].as_str().unwrap_or_default().to_owned())
        .collect();
    new.sort();
    assert_eq!(new, instances);
}

/// Alerts and links, whole.
pub fn dump(world: &World) -> Vec<String> {
    let alert = world.pipeline.joined(&[
        "id",
        "' '",
        "dispatch_status",
        "' '",
        "dispatch_generation",
        "' '",
        "dispatch_uncertain",
        "' '",
        "COALESCE(open_fingerprint, '-')",
        "' '",
        "COALESCE(closed_at, '-')",
        "' '",
        "updated_at",
        "' '",
        "COALESCE(dispatch_log, '-')",
    ]);
    let link = world.pipeline.joined(&["id", "' '", "alert_id", "' '", "st2_execution_id"]);
    let lines = |sql: String| world.pipeline.database().lines(&sql);
    let mut all = lines(format!("SELECT {alert} AS value FROM poundcake_alerts ORDER BY id"));
    all.extend(lines(format!("SELECT {link} AS value FROM poundcake_st2_execution_link ORDER BY id")));
    all
}
