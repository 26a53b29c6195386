//! `restored` is refused while a process of ours is connected: it would send what the backup has as waiting.

use super::{backups::Kind, world::World};

#[tokio::test(flavor = "multi_thread")]
async fn mariadb() {
    refused_while_one_runs(Kind::Logical, &["dispatcher/", "database connection", "poundcake.dispatch"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    refused_while_one_runs(Kind::File, &["standalone/"]).await;
}

async fn refused_while_one_runs(kind: Kind, named: &[&str]) {
    let mut world = World::restored(kind).await;
    // The backup has rows of processes too, which have ended.
    assert!(world.pipeline.database().count("poundcake_api_calls WHERE method = 'PROCESS'") > 0);
    match kind {
        Kind::File => world.pipeline.ingest = world.pipeline.ingest.again().await,
        Kind::Logical | Kind::Physical => world.pipeline.start_dispatcher().await,
    }
    let (status, out, error) =
        world.pipeline.setup.process("restored").argument("--backup-taken").argument(&world.taken).run().await;
    assert_eq!((status.code(), out.as_str()), (Some(1), ""), "{error}");
    for name in named {
        assert!(error.contains(name), "{name}: {error}");
    }
    assert_eq!(world.pipeline.database().count("poundcake_api_calls WHERE path = '/restored'"), 0);
    world.pipeline.dispatches().kill();
    let report = world.command().await;
    assert!(!report["made"].as_array().unwrap().is_empty(), "{report}");
}
