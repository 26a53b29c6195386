//! Processes are started, judged, paused and ended; the real Alertmanager and Prometheus drive a receiver.

use crate::harness::{Alertmanager, Process, Prometheus, Running, WebhookReceiver, client, eventually};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
/// Long against a loopback answer, short for a person.
const NO_ANSWER: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_command_runs_to_its_end_and_its_output_is_kept() {
    let shell = Process::program("/bin/sh", "/").argument("-c").argument("echo out; echo $WORD >&2; exit 3");
    let (status, out, err) = shell.variable("WORD", "err").run().await;
    assert_eq!((status.code(), &*out, &*err), (Some(3), "out\n", "err\n"));
}

#[tokio::test]
async fn the_binary_under_test_starts() {
    let (status, ..) = Process::poundcake("--version").run().await;
    assert!(status.success());
}

#[tokio::test]
async fn alertmanager_posts_fires_repeats_and_resolves_with_its_token() {
    let receiver = WebhookReceiver::start();
    let alertmanager = Alertmanager::start(&receiver.url("/api/v1/webhook"), "secret-token").await;
    let labels = [("alertname", "HostDown"), ("severity", "critical"), ("instance", "db-1")];
    let starts_at = chrono::Utc::now();
    alertmanager.fire(&labels, starts_at).await;
    let posts = async |what, least| {
        eventually(what, SOON, async || Some(receiver.received()).filter(|r| r.len() >= least).ok_or("too few")).await
    };
    let first = posts("the first webhook", 1).await.remove(0);
    assert!(first.head.starts_with("POST /api/v1/webhook ") && first.head.contains("Bearer secret-token"), "{first:?}");
    assert!(first.body.contains(r#""instance":"db-1""#) && first.body.contains(r#""status":"firing""#), "{first:?}");
    posts("a repeat", 2).await;
    alertmanager.resolve(&labels, starts_at).await;
    eventually("the resolved webhook", SOON, async || match receiver.received().last() {
        Some(last) if last.body.contains(r#""status":"resolved""#) => Ok(()),
        last => Err(last.cloned()),
    })
    .await;
}

#[tokio::test]
async fn alertmanager_tries_again_after_a_503() {
    let receiver = WebhookReceiver::start();
    receiver.answer_with(503);
    let alertmanager = Alertmanager::start(&receiver.url("/hook"), "t").await;
    alertmanager.fire(&[("alertname", "HostDown")], chrono::Utc::now()).await;
    eventually("a retry", SOON, async || match receiver.received().len() {
        0 | 1 => Err("not yet"),
        _ => Ok(()),
    })
    .await;
}

#[tokio::test]
async fn prometheus_drives_alertmanager_with_the_demo_rules() {
    let receiver = WebhookReceiver::start();
    let alertmanager = Alertmanager::start(&receiver.url("/hook"), "t").await;
    let _prometheus = Prometheus::start(&alertmanager).await;
    eventually("all demo alerts", SOON, async || {
        let all = receiver.received().into_iter().map(|r| r.body).collect::<String>();
        let missing: Vec<_> = ["Watchdog", "DemoAlwaysFiring", "TargetDown", "DemoFlapping"]
            .into_iter()
            .filter(|name| !all.contains(&format!(r#""alertname":"{name}""#)))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    })
    .await;
}

#[tokio::test]
async fn a_paused_process_does_not_answer_until_it_is_resumed() {
    let alertmanager = Alertmanager::start("http://127.0.0.1:9/hook", "t").await;
    let process: &Running = alertmanager.process();
    let look = async || client().get(process.url("/-/ready")).timeout(NO_ANSWER).send().await;
    process.pause();
    assert!(look().await.expect_err("no answer").is_timeout());
    process.resume();
    eventually("it answers again", SOON, look).await;
    assert!(!process.has_ended());
    assert!(process.terminate(SOON).await.success() && process.has_ended());
}
