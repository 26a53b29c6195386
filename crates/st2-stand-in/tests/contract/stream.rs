//! The event stream.

use std::time::Duration;

use serde_json::{Value, json};
use st2_stand_in::{Fault, Pace};

use super::{
    recording,
    session::{KEY, Session},
    shape::{Comparison, Tolerance},
};

/// A stream's answer, whose bytes come as they come.
async fn open(session: &Session, query: &str) -> reqwest::Response {
    let url = format!("{}?st2-api-key={KEY}&{query}", session.stream_url());
    let response = reqwest::get(url).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["Content-Type"], "text/event-stream; charset=UTF-8");
    response
}

/// The recorded events' data, out of the chunks they were sent in.
fn events(text: &str) -> Vec<(String, Value)> {
    let mut name = String::new();
    let mut out = Vec::new();
    for line in text.lines() {
        if let Some(event) = line.strip_prefix("event: ") {
            event.clone_into(&mut name);
        } else if let Some(data) = line.strip_prefix("data: ") {
            out.push((name.clone(), serde_json::from_str(data).unwrap()));
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_one_execution_ends_with_it() {
    let mut session = Session::start();
    // Nothing happens until the stream is open.
    session.control().set_fault(Fault::SchedulerStopped);
    let parameters = json!({ "alert_name": "HostDown", "instance": "s1", "sleep": 0 });
    let id = session.run("remediation.host_down_workflow", parameters).await;
    let query = format!(
        "events=st2.execution__update&end_event=st2.execution__update&end_execution_id={id}&execution_ids={id}"
    );
    let stream = open(&session, &query).await;
    session.control().clear_faults();
    let live = stream.text().await.unwrap();
    assert!(live.starts_with("\nevent: st2.execution__update\ndata: {"), "{live}");
    let (live, recorded) = (events(&live), events(&recording::text("86-stream-end-execution-id.md")));
    let tolerance = Tolerance { values: vec!["sleep"], ..Tolerance::default() };
    let statuses =
        |events: &[(String, Value)]| events.iter().map(|(_, data)| data["status"].clone()).collect::<Vec<_>>();
    assert_eq!(statuses(&live), statuses(&recorded));
    for ((_, recorded), (_, live)) in recorded.iter().zip(&live) {
        let mut comparison = Comparison { tolerance: &tolerance, ids: &mut session.ids, differences: Vec::new() };
        comparison.compare("", recorded, live);
        assert!(comparison.differences.is_empty(), "{}", comparison.differences.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_streams_are_answered_as_recorded() {
    let session = Session::start();
    let url = session.stream_url();
    for (name, key, path) in [
        ("84-stream-no-auth.md", None, ""),
        ("84b-stream-bad-key.md", Some("bad"), ""),
        ("84c-stream-nginx-path.md", Some(KEY), "/stream"),
    ] {
        let url = if path.is_empty() { url.clone() } else { url.replace("/v1/stream", "/stream/v1/stream") };
        let query = key.map(|key| format!("?st2-api-key={key}")).unwrap_or_default();
        let response = reqwest::get(format!("{url}{query}")).await.unwrap();
        let recorded = recording::text(name);
        assert!(recorded.contains(&format!("HTTP/1.1 {}", response.status())), "{name}");
        let body = response.text().await.unwrap();
        assert!(recorded.contains(&body), "{name}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_shows_live_actions_and_beats_when_nothing_happens() {
    let session = Session::start();
    session.control().set_pace(Pace { heartbeat: Duration::from_millis(20), ..Pace::fast() });
    let mut response = open(&session, "action_refs=core.noop").await;
    assert_eq!(&response.chunk().await.unwrap().unwrap()[..], b"\n");
    assert_eq!(&response.chunk().await.unwrap().unwrap()[..], b"\n", "the heartbeat");
    session.run("core.local", json!({ "cmd": "echo other" })).await;
    session.run("core.noop", json!({})).await;
    let mut text = String::new();
    while !text.contains("succeeded") {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    let names: Vec<_> = events(text.trim_end()).into_iter().map(|(name, _)| name).take(2).collect();
    assert_eq!(names, ["st2.liveaction__create", "st2.execution__create"]);
    assert!(!text.contains("core.local"));
}
