//! The tracker's tables are in another database (`ST2_DATABASE_URL`), which was not restored.

use super::{
    backups::Kind,
    ledger::resume_all,
    world::{World, setup},
};
use crate::harness::{Process, Running, SOON, Setup, T0, TestDatabase, eventually, firing};

#[tokio::test(flavor = "multi_thread")]
async fn mariadb() {
    the_tracker_goes_on(Kind::Logical).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    the_tracker_goes_on(Kind::File).await;
}

/// An execution that has ended in the tracker's tables, and that the backup has as running.
const RUNNING: &str = "poundcake_st2_execution_link WHERE guard_key = 'place/hosts'";
/// Beyond every link.
const FAR: &str = "1000000";

async fn the_tracker_goes_on(kind: Kind) {
    let (setup, theirs) = apart(kind).await;
    let tracker = separate_tracker(kind, &setup).await;
    let mut world = World::lost_of(kind, setup).await;
    drop(tracker);

    world.backup.restore(world.pipeline.database());
    as_after_a_long_life(&world, &theirs);
    let newest = newest_link(&world);

    let unreachable =
        command(&world, "--output").argument("json").variable("ST2_DATABASE_URL", "sqlite:///nowhere/x.db");
    let (status, _, error) = unreachable.run().await;
    assert!(status.success() && error.contains("DELETE FROM tracker_state"), "{error}");
    let (status, _, error) = command(&world, "--dry-run").run().await;
    assert!(status.success(), "{error}");
    assert_eq!((mark(&theirs), world.pipeline.database().count(RUNNING)), (FAR.to_owned(), 1), "nothing was changed");
    world.command().await;
    assert!(mark(&theirs).parse::<i64>().unwrap() <= newest, "{} is not before what was linked again", mark(&theirs));
    assert_eq!(world.pipeline.database().count(RUNNING), 0, "its place is free");

    world.start_again().await;
    let _tracker = separate_tracker(kind, &world.pipeline.setup).await;
    resume_all(&world).await;
    world.pipeline.send(&[firing("HostDown", "new", T0)]).await;
    world.pipeline.settled().await;
    eventually("every linked execution is followed to its end", SOON, async || {
        let links =
            world.pipeline.database().lines("SELECT st2_execution_id AS value FROM poundcake_st2_execution_link");
        let ended = theirs.lines("SELECT id AS value FROM execution_db WHERE tracking = 'done'");
        let missing: Vec<String> = links.into_iter().filter(|id| !ended.contains(id)).collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    })
    .await;
}

/// The settings of a world whose tracker writes to a database of its own, on another server.
async fn apart(kind: Kind) -> (Setup, TestDatabase) {
    let theirs = if kind == Kind::File { TestDatabase::sqlite() } else { TestDatabase::mariadb() };
    let setup = setup(kind).await.variable("ST2_DATABASE_URL", theirs.url());
    let migrate = setup.process("migrate").argument("up").variable("ST2_DATABASE_URL", theirs.owner_url());
    let (status, _, error) = migrate.run().await;
    assert!(status.success(), "{error}");
    (setup, theirs)
}

/// `standalone` has its own.
async fn separate_tracker(kind: Kind, setup: &Setup) -> Option<Running> {
    if kind == Kind::File { None } else { Some(setup.process("tracker").start().ready().await) }
}

/// The tracker's mark moves over links that are some minutes old. A place is taken by an execution on a route with guards.
fn as_after_a_long_life(world: &World, theirs: &TestDatabase) {
    theirs.execute("DELETE FROM tracker_state WHERE name = 'links_read_to'");
    theirs.execute(&format!("INSERT INTO tracker_state (name, value) VALUES ('links_read_to', '{FAR}')"));
    let ended = theirs.lines("SELECT id AS value FROM execution_db WHERE tracking = 'done'");
    let ours = world.pipeline.database();
    let linked = ours.lines("SELECT st2_execution_id AS value FROM poundcake_st2_execution_link ORDER BY id");
    let known = linked.iter().find(|id| ended.contains(id)).expect("an execution that both know");
    ours.execute(&format!(
        "UPDATE poundcake_st2_execution_link SET route = 'hosts', guard_target = 'a1', started_at = created_at, \
         ended_at = NULL, end_status = NULL WHERE st2_execution_id = '{known}'"
    ));
    assert_eq!(ours.count(RUNNING), 1);
}

fn command(world: &World, option: &str) -> Process {
    world.pipeline.setup.process("restored").argument("--backup-taken").argument(&world.taken).argument(option)
}

fn mark(theirs: &TestDatabase) -> String {
    theirs.lines("SELECT value FROM tracker_state WHERE name = 'links_read_to'").remove(0)
}

fn newest_link(world: &World) -> i64 {
    let newest = "SELECT CAST(MAX(id) AS CHAR) AS value FROM poundcake_st2_execution_link";
    world.pipeline.database().lines(newest)[0].parse().expect("a link")
}
