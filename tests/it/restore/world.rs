//! A PoundCake with a past: before its backup, while it is taken, and after it.

use super::backups::{Backup, Kind};
use crate::{
    harness::{Pipeline, Running, SOON, Services, Setup, Shape, T0, deliver, eventually, firing, resolved},
    replay::rows::order,
};
use serde_json::{Value, json};
use st2_stand_in::Pace;
use std::collections::BTreeSet;

const ROUTES: &str = r#"
routes:
  - {name: hosts, match: 'alertname="HostDown"', action: remediation.host_down_workflow}
  - {name: waits, match: 'alertname="Waits"', action: remediation.host_down_workflow}
  - {name: never, match: 'alertname="Never"', action: remediation.host_down_workflow}
  - {name: broken, match: 'alertname="Broken"', action: remediation.nosuch}
  - {name: rule, match: 'alertname="Rule"', webhook: poundcake_alert, parameters: {alert_name: HostDown}}
"#;
/// Later than [`T0`].
pub const T1: &str = "2026-11-22T02:00:00Z";

/// It, and the backup.
pub struct World {
    pub pipeline: Pipeline,
    pub backup: Backup,
    /// When the backup began.
    pub taken: String,
    /// What StackStorm had run when everything was lost.
    pub ran: BTreeSet<(String, String)>,
    /// Alerts that came while the backup was taken.
    pub meanwhile: usize,
}

/// The executions that a POST or a rule started: tag and id.
pub fn ran(pipeline: &Pipeline) -> BTreeSet<(String, String)> {
    let roots = pipeline.st2().executions().into_iter().filter(|execution| execution.parent.is_none());
    roots.map(|execution| (execution.trace_tag, execution.id)).collect()
}

/// Runs a command that must succeed, and reads its JSON.
pub async fn json_of(setup: &Setup, command: &str, arguments: &[&str]) -> Value {
    let process = setup.process(command).argument("--output").argument("json");
    let process = arguments.iter().fold(process, |process, argument| process.argument(*argument));
    let (status, out, error) = process.run().await;
    assert!(status.success(), "{command} {arguments:?}: {out} {error}");
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{command}: {e}: {out}"))
}

/// Waits until nothing but what is held is left to do.
pub async fn quiet(pipeline: &Pipeline) {
    eventually("every row is settled or held", SOON, async || {
        let open = pipeline.statuses("WHERE dispatch_status NOT IN ('dispatched', 'failed', 'skipped', 'held')");
        if open.is_empty() { Ok(()) } else { Err(open) }
    })
    .await;
}

/// The settings of a world.
pub async fn setup(kind: Kind) -> Setup {
    let setup = match kind {
        Kind::File => Setup::new(Shape::Standalone).await,
        Kind::Logical | Kind::Physical => Setup::on(&Services::private()).await,
    };
    setup
        .routes(ROUTES)
        .variable("POUNDCAKE_SETTLE_TIME", "1s")
        .variable("POUNDCAKE_SILENT_SETTLE_TIME", "1s")
        .variable("POUNDCAKE_ST2_TIMEOUT", "2s")
        .variable("POUNDCAKE_REFIRE_COOLDOWN", "0s")
}

impl World {
    /// Everything up to the moment of the loss: nothing runs any more, and the database is as it was.
    pub async fn lost(kind: Kind) -> Self {
        Self::lost_of(kind, setup(kind).await).await
    }

    /// The same with settings that are set already.
    pub async fn lost_of(kind: Kind, setup: Setup) -> Self {
        setup.stand_in.control().set_pace(Pace::fast());
        for route in ["waits", "never"] {
            json_of(&setup, "pause", &["--route", route, "--reason", "test"]).await;
        }
        let pipeline = setup.start().await;
        before(&pipeline).await;
        let taken = chrono::Utc::now().to_rfc3339();
        let (backup, meanwhile) = tokio::task::block_in_place(|| taken_under_load(&pipeline, kind));
        after(&pipeline).await;
        let ran = ran(&pipeline);
        pipeline.ingest.kill();
        if let Some(dispatcher) = &pipeline.dispatcher {
            dispatcher.kill();
        }
        Self { pipeline, backup, taken, ran, meanwhile }
    }

    /// The same, with the backup restored.
    pub async fn restored(kind: Kind) -> Self {
        let world = Self::lost(kind).await;
        world.backup.restore(world.pipeline.database());
        world
    }

    /// `poundcake restored`, which must succeed.
    pub async fn command(&self) -> Value {
        json_of(&self.pipeline.setup, "restored", &["--backup-taken", &self.taken]).await
    }

    /// The same, started and not waited for.
    pub fn start_command(&self) -> Running {
        self.pipeline.setup.process("restored").argument("--backup-taken").argument(&self.taken).start()
    }

    /// All that was running, again.
    pub async fn start_again(&mut self) {
        self.pipeline.ingest = self.pipeline.ingest.again().await;
        if let Some(dispatcher) = self.pipeline.dispatcher.take() {
            self.pipeline.dispatcher = Some(dispatcher.again().await);
        }
    }
}

async fn before(pipeline: &Pipeline) {
    for (name, instance) in [
        ("HostDown", "a1"),
        ("HostDown", "a2"),
        ("Rule", "r1"),
        ("Broken", "b1"),
        ("Waits", "w1"),
        ("Waits", "w2"),
        ("Never", "n1"),
    ] {
        pipeline.send(&[firing(name, instance, T0)]).await;
    }
    quiet(pipeline).await;
    assert_eq!(pipeline.statuses("WHERE instance = 'b1'"), ["Broken failed/rejected"]);
    let held = ["Waits held/paused", "Waits held/paused", "Never held/paused"];
    assert_eq!(pipeline.statuses("WHERE dispatch_status = 'held'"), held);
}

/// The backup is taken while alerts come in; returns how many came.
fn taken_under_load(pipeline: &Pipeline, kind: Kind) -> (Backup, usize) {
    let url = pipeline.ingest.url("/api/v1/webhook");
    std::thread::scope(|scope| {
        let backup = scope.spawn(|| Backup::take(kind, pipeline.database()));
        let sent = tokio::runtime::Handle::current().block_on(async {
            let mut sent = 0;
            while !backup.is_finished() || sent == 0 {
                deliver(&url, &[firing("HostDown", &format!("m{sent}"), T0)]).await;
                sent += 1;
            }
            sent
        });
        (backup.join().expect("the backup"), sent)
    })
}

/// Later alerts, replays, and an alert that fires again.
async fn after(pipeline: &Pipeline) {
    pipeline.send(&[firing("HostDown", "l1", T0)]).await;
    pipeline.send(&[firing("Rule", "r2", T0)]).await;
    // Held in the backup, ended before anything ran, and fired again: that one runs.
    pipeline.send(&[resolved("Waits", "w2", T0, "2026-11-22T01:30:00Z")]).await;
    let pauses = json_of(&pipeline.setup, "guards", &[]).await;
    let of_waits = |pause: &&Value| pause["route"] == "waits";
    let pause =
        pauses["pauses"].as_array().expect("pauses").iter().find(of_waits).expect("the pause")["id"].to_string();
    json_of(&pipeline.setup, "resume", &[&pause]).await;
    pipeline.send(&[firing("Waits", "w2", T1)]).await;
    pipeline.setup.edit_routes(&ROUTES.replace("remediation.nosuch", "remediation.host_down_workflow"));
    let replay = json!({ "filter": { "alert_name": "Broken" }, "reason": "fixed the route" });
    // The new file is in force once the alert runs.
    eventually("the replay runs", SOON, async || {
        order(pipeline.ingest.url("/api/v1/replays"), &replay).await;
        quiet(pipeline).await;
        let found = pipeline.statuses("WHERE alert_name = 'Broken'");
        if found == ["Broken dispatched/-"] { Ok(()) } else { Err(found) }
    })
    .await;
    let again = json!({ "filter": { "instance": "a2" }, "reason": "once more", "include_dispatched": true });
    let (status, answer) = order(pipeline.ingest.url("/api/v1/replays"), &again).await;
    assert_eq!((status, &answer["replayed"]), (200, &json!(1)), "{answer}");
    pipeline.send(&[resolved("HostDown", "a1", T0, "2026-11-22T01:30:00Z")]).await;
    pipeline.send(&[firing("HostDown", "a1", T1)]).await;
    quiet(pipeline).await;
    eventually("StackStorm has begun everything", SOON, async || {
        let waits = pipeline.st2().executions().into_iter().filter(|execution| !execution.started).count();
        if waits == 0 { Ok(()) } else { Err(waits) }
    })
    .await;
    assert_eq!(pipeline.statuses("WHERE dispatch_status = 'held'"), ["Never held/paused"]);
}
