//! A tracker is killed, or there are two.

use super::World;
use crate::harness::SOON;
use serde_json::json;
use st2_stand_in::Fault;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_tracker_resumes_where_the_rows_end() {
    let world = World::new().await;
    let tracker = world.tracker().await;
    world.run_and_link(10).await;
    world.complete().await;
    world.st2().set_fault(Fault::SchedulerStopped);
    let followed = world.run_and_link(10).await;
    world.becomes(&followed[9], "requested/following").await;
    tracker.kill();
    // While no tracker runs: one ends, one is new, and a workflow runs to its end.
    world.st2().clear_faults();
    world.run_and_link(10).await;
    let parameters = json!({ "alert_name": "HostDown", "instance": "web-1" });
    let workflow = world.run("remediation.host_down_workflow", parameters).await;
    world.link(&[&workflow]);
    let _tracker = world.tracker().await;
    world.complete().await;
    assert_eq!(world.setup.database.count("execution_db"), 33);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_trackers_do_no_harm() {
    let world = World::new().await;
    let _trackers = [world.tracker().await, world.tracker().await];
    for _ in 0..5 {
        let parameters = json!({ "alert_name": "HostDown", "instance": "web-1" });
        let workflow = world.run("remediation.host_down_workflow", parameters).await;
        world.link(&[&workflow]);
        world.run_and_link(10).await;
    }
    world.complete().await;
    assert_eq!(world.setup.database.count("execution_db"), 65);
    assert_eq!(world.setup.database.count("liveaction_db"), 65);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_have_their_rows_are_not_read_again_after_a_restart() {
    let world = World::new().await;
    world.run_and_link(20).await;
    // As if they were from an hour ago: no link with a smaller id can appear any more.
    world.setup.database.execute("UPDATE poundcake_st2_execution_link SET created_at = created_at - INTERVAL 1 HOUR");
    let tracker = world.tracker().await;
    world.complete().await;
    let mark = "SELECT value FROM tracker_state WHERE name = 'links_read_to'";
    crate::harness::eventually("the mark has moved", crate::harness::PATIENCE, async || {
        let mark = world.setup.database.lines(mark);
        if mark == ["20"] { Ok(()) } else { Err(mark) }
    })
    .await;
    assert!(tracker.terminate(SOON).await.success());
    let again = world.tracker().await;
    let started = again.events("following_executions");
    assert!(started.len() == 1 && started[0].contains("unfinished=0 links_read_to=20"), "{started:?}");
}
