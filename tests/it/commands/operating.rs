//! `demo`, `send-test`, `stand-in`, `standalone --no-dispatch`: what is run to try things.

use crate::harness::{KEY, Process, SOON, Setup, Shape, T0, client, eventually, firing, on_both_shapes, resolved};
use std::time::{Duration, Instant};

on_both_shapes! {
    send_test_follows_an_alert_to_the_end_of_its_execution,
}

#[tokio::test]
async fn the_demo_shows_each_requests_history_and_leaves_nothing_behind() {
    let begun = Instant::now();
    let directory = tempfile::tempdir().expect("a directory");
    // A database that somebody has set is not the demo's.
    let demo = Process::poundcake("demo")
        .variable("TMPDIR", directory.path().display().to_string())
        .variable("DATABASE_URL", "mysql://nobody@127.0.0.1:1/nothing");
    let (status, output, error) = demo.run().await;
    assert!(status.success(), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let requests: Vec<&str> = output.lines().filter_map(|line| line.strip_prefix("request ")).collect();
    assert_eq!(requests.len(), 6, "{output}");
    assert!(requests.iter().all(|line| line.len() > 36 && line.contains("  answered 202  received ")), "{output}");
    let disk =
        output.split("a workflow that fails").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("its story");
    for line in [
        "  DiskFull  critical  db-01:9100  firing",
        "dispatched: StackStorm ran it",
        "remediation.failing_workflow  failed  in ",
    ] {
        assert!(disk.contains(line), "no {line:?} in {disk}");
    }
    assert!(disk.contains("result {\"errors"), "{disk}");
    for word in ["succeeded", "skipped/repeat", "skipped/resolved"] {
        assert!(output.contains(word), "no {word} in {output}");
    }
    let left: Vec<_> = std::fs::read_dir(directory.path()).expect("the directory").collect();
    assert!(left.is_empty(), "{left:?}");
}

async fn send_test_follows_an_alert_to_the_end_of_its_execution(shape: Shape) {
    let routes = "routes: [{match: 'alertname=\"PoundCakeTest\"', action: core.noop}]";
    let pipeline = Setup::new(shape).await.routes(routes).start().await;
    let send_test =
        pipeline.setup.process("send-test").argument("--url").argument(pipeline.ingest.url("/api/v1/webhook"));
    for _ in 0..2 {
        let (status, output, error) = send_test.run().await;
        assert!(status.success(), "{output} {error}");
        let steps: Vec<&str> =
            output.lines().filter_map(|line| line.split_once(" s  ").map(|(_, step)| step)).collect();
        assert!(steps[0].starts_with("202: stored as request "), "{output}");
        assert_eq!(steps[1], "dispatched", "{output}");
        assert!(steps[2].starts_with("execution ") && steps[2].ends_with("succeeded"), "{output}");
        assert!(output.contains("PoundCakeTest") && output.contains("core.noop"), "{output}");
    }
    let (status, output, error) = send_test.clone().argument("--alertname").argument("Unrouted").run().await;
    assert_eq!(status.code(), Some(1), "nothing was run: {output} {error}");
    assert!(output.contains("skipped/no_route"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn send_test_says_that_no_dispatcher_runs_or_that_no_server_listens() {
    let pipeline = Setup::new(Shape::Separate).await.start_without_dispatcher().await;
    let send_test = pipeline.setup.process("send-test").argument("--wait=1s");
    let to_ingest = send_test.clone().argument("--url").argument(pipeline.ingest.url("/api/v1/webhook"));
    let (status, output, error) = to_ingest.run().await;
    assert_eq!(status.code(), Some(1), "{output}");
    // Within the second the relay may not have published it yet.
    let waits = ["still queued", "still pending"].iter().any(|state| output.contains(state));
    assert!(waits && error.contains("is a dispatcher running?"), "{output} {error}");
    let unreachable = send_test.argument("--url").argument("http://127.0.0.1:1/api/v1/webhook");
    let (status, _, error) = unreachable.run().await;
    assert_eq!(status.code(), Some(1));
    assert!(error.contains("cannot reach http://127.0.0.1:1/api/v1/webhook"), "{error}");
}

#[tokio::test]
async fn the_stand_in_runs_alone_and_stops_on_a_signal() {
    let process = Process::poundcake("stand-in").argument("--api-key").argument(KEY);
    let running = process.start();
    let api = eventually("the stand-in says where it listens", SOON, async || {
        let output = running.output("stdout");
        let url = output.lines().find_map(|line| line.strip_prefix("ST2_API_URL=").map(str::to_owned));
        url.ok_or(output)
    })
    .await;
    let url = format!("{api}/actions/core.noop");
    let look = async |key: &str| client().get(&url).header("St2-Api-Key", key).send().await;
    eventually("the stand-in answers", SOON, async || {
        let answer = look(KEY).await.map_err(|e| e.to_string())?;
        if answer.status() == 200 { Ok(()) } else { Err(answer.status().to_string()) }
    })
    .await;
    assert_eq!(look("another key").await.expect("an answer").status(), 401);
    let output = running.output("stdout");
    assert!(output.contains("ST2_AUTH_URL=http://127.0.0.1:") && output.contains("ST2_STREAM_URL="), "{output}");
    assert!(running.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn standalone_without_dispatch_stores_and_runs_nothing_until_it_is_started_with_it() {
    let setup = Setup::new(Shape::Standalone).await;
    let standalone = setup.process("standalone");
    let waiting = standalone.clone().argument("--no-dispatch").start().ready().await;
    let ended = resolved("HostDown", "web-2", T0, "2026-11-22T01:05:00Z");
    for alert in [firing("HostDown", "web-1", T0), firing("HostDown", "web-2", T0), ended] {
        let body = serde_json::json!({ "version": "4", "alerts": [alert] });
        let answer = client().post(waiting.url("/api/v1/webhook")).json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), 202);
    }
    assert!(waiting.terminate(SOON).await.success());
    let open = "poundcake_alerts WHERE dispatch_status IN ('pending', 'queued') AND dispatch_attempts = 0";
    assert_eq!((setup.database.count(open), setup.stand_in.control().executions().len()), (1, 0));
    let settled = "poundcake_alerts WHERE dispatch_reason = 'resolved_before_dispatch'";
    assert_eq!(setup.database.count(settled), 1, "it has ended while nothing was dispatched");

    let _running = standalone.start().ready().await;
    eventually("it is dispatched", SOON, async || {
        let dispatched = setup.database.count("poundcake_alerts WHERE dispatch_status = 'dispatched'");
        if dispatched == 1 { Ok(()) } else { Err(dispatched) }
    })
    .await;
}

#[tokio::test]
async fn standalone_needs_no_database_setting_and_makes_its_own_file() {
    let process = Process::poundcake("standalone").variable("ST2_API_KEY", KEY);
    let running = process.variable("ST2_API_URL", "http://127.0.0.1:1/v1").start().ready().await;
    let url = format!("sqlite://{}", running.directory().join("poundcake.db").display());
    let (status, output, _) =
        Process::poundcake("migrate").argument("status").variable("DATABASE_URL", url).run().await;
    assert!(status.success(), "{output}");
    assert!(running.terminate(SOON).await.success());
}
