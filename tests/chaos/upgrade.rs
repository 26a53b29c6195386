//! An upgrade under load: `OLD=PATH/poundcake make chaos`. The run begins as an installation of that version: its schema, its
//! processes. Then `migrate up` of this version, and all processes change to this version one after another. If the old version starts on the new
//! schema, half of them go back and forward again, and processes that are killed start as either version.

use crate::{
    harness::Process,
    settings::Plan,
    world::{Version, World},
};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// A supervisor waits so long after SIGTERM.
const STOPS_WITHIN: Duration = Duration::from_secs(20);

/// Another version of PoundCake.
#[derive(Debug, Clone)]
pub struct Old {
    /// Its `poundcake`.
    pub program: PathBuf,
    /// Whether it reads a routes file with guards.
    pub knows_guards: bool,
}

impl Old {
    /// Asks the program what it knows.
    pub async fn new(program: &Path, routes: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let alert = directory.path().join("alert.json");
        std::fs::write(&alert, r#"{"labels": {"alertname": "Limited", "instance": "host-1"}}"#).expect("a file");
        let mut old = Self { program: program.to_owned(), knows_guards: true };
        let test = Process::poundcake("routes").argument("test").argument(alert.display().to_string());
        let test = old.version_of(test).variable("POUNDCAKE_ROUTES", routes.display().to_string());
        let (status, _, error) = test.run().await;
        old.knows_guards = status.success();
        assert!(old.knows_guards || error.contains("unknown field"), "the old version reads no routes: {error}");
        old
    }

    /// The same process, of this version.
    pub fn version_of(&self, mut process: Process) -> Process {
        process.program.clone_from(&self.program);
        process
    }
}

/// The upgrade, from a quarter of the run on.
pub async fn run(world: &World, plan: &Plan) {
    if world.old.is_none() {
        return;
    }
    tokio::time::sleep(plan.duration / 4).await;
    migrate(world).await;
    let step = plan.duration / 4 / u32::try_from(2 * world.slots.len()).expect("a few");
    for (version, every) in [(Version::This, 1), (Version::Old, 2), (Version::This, 2)] {
        if world.possible(version) != version {
            return;
        }
        for index in (0..world.slots.len()).step_by(every) {
            tokio::time::sleep(step).await;
            change(world, index, version).await;
        }
    }
}

/// Servers may be down meanwhile: an operator repeats the command.
async fn migrate(world: &World) {
    world.say("migrate up");
    while let Err(error) = world.migrate(Version::This).await {
        world.say(&format!("migrate up failed, and is repeated: {error}"));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let old = world.old.as_ref().expect("an upgrade");
    let status = old.version_of(Process::poundcake("migrate")).argument("status");
    let (status, _, _) = status.variable("DATABASE_URL", world.database.owner_url()).run().await;
    let both = status.success();
    *world.startable.lock().expect("the versions") =
        if both { vec![Version::This, Version::Old] } else { vec![Version::This] };
    world.say(if both {
        "migrated; both versions start"
    } else {
        "migrated; the old version runs on and starts no more"
    });
}

/// Stops a process as its supervisor does, and starts it as this version.
async fn change(world: &World, index: usize, version: Version) {
    let slot = &world.slots[index];
    let _held = slot.wait().await;
    world.say(&format!("{} becomes {version:?}", slot.name));
    slot.terminate();
    let give_up = Instant::now() + STOPS_WITHIN;
    while !slot.has_ended() && Instant::now() < give_up {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    slot.kill();
    slot.revive(version);
}
