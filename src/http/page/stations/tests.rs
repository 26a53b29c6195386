//! What each station says, from what the processes tell.

use super::*;

fn process(role: &str, stale: bool, facts: &serde_json::Value) -> Process {
    let seen_at = crate::clock::utc_now();
    Process { role: role.to_owned(), instance: "a.1".to_owned(), seen_at, stale, facts: facts.to_string() }
}

fn seen(processes: &[Process]) -> Vec<(&'static str, String)> {
    of(processes, 7).into_iter().map(|station| (station.class, station.say)).collect()
}

fn dispatcher(facts: &serde_json::Value) -> Process {
    let mut all = serde_json::json!({ "circuit": "closed", "rabbitmq": "connected", "routes": { "digest": "a", "invalid": false } });
    all.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
    process("dispatcher", false, &all)
}

#[test]
fn without_rows_nothing_is_claimed() {
    let classes: Vec<_> = seen(&[]).into_iter().map(|(class, _)| class).collect();
    assert_eq!(classes, ["ok", "ok", "idle", "idle", "idle", "idle"]);
}

#[test]
fn each_broken_neighbour_is_named() {
    let none = serde_json::json!({});
    let tracker =
        process("tracker", false, &serde_json::json!({ "tracker": { "stream_connected": true, "lag_seconds": 1.25 } }));
    let well = seen(&[process("ingest", false, &none), dispatcher(&none), tracker.clone()]);
    assert!(well.iter().all(|(class, _)| *class == "ok"), "{well:?}");
    assert_eq!(well[5].1, "1.2 s behind");
    let open = seen(&[dispatcher(&serde_json::json!({ "circuit": "open", "rabbitmq": "paused" })), tracker.clone()]);
    assert_eq!((open[2].0, open[4].0, open[4].1.as_str()), ("ok", "bad", "circuit open"));
    let lost = seen(&[dispatcher(&serde_json::json!({ "rabbitmq": "disconnected" }))]);
    assert_eq!((lost[2].0, lost[5].0, lost[5].1.as_str()), ("bad", "hold", "none runs"));
    let partly = seen(&[
        process("ingest", false, &serde_json::json!({ "rabbitmq": "connected" })),
        dispatcher(&none),
        dispatcher(&serde_json::json!({ "rabbitmq": "disconnected", "circuit": "open" })),
    ]);
    let both = ("hold", "1 of 3 processes not connected", "hold", "circuit partly open");
    assert_eq!((partly[2].0, partly[2].1.as_str(), partly[4].0, partly[4].1.as_str()), both, "alerts go on");
    let stale = seen(&[process("dispatcher", true, &serde_json::json!({ "circuit": "closed" })), tracker]);
    assert_eq!((stale[3].0, stale[3].1.as_str()), ("bad", "none runs"));
}

#[test]
fn different_routes_files_are_said() {
    let other = serde_json::json!({ "routes": { "digest": "b" } });
    let two = of(&[dispatcher(&serde_json::json!({})), dispatcher(&other)], 0);
    assert_eq!((two[3].class, two[3].say.as_str()), ("hold", "2 run, different routes files"));
}

fn tracking(facts: &serde_json::Value) -> Vec<(&'static str, String)> {
    seen(&[dispatcher(&serde_json::json!({})), process("tracker", false, &serde_json::json!({ "tracker": facts }))])
}

#[test]
fn a_stackstorm_that_is_silent_is_named_before_a_call_fails() {
    let lost = tracking(&serde_json::json!({ "stream_lost_seconds": 20 }));
    assert_eq!((lost[4].0, lost[4].1.as_str()), ("hold", "event stream lost for 20 s"));
    assert_eq!((lost[5].0, lost[5].1.as_str()), ("ok", "polls"), "the tracker itself does what it can");
    let short = tracking(&serde_json::json!({ "stream_lost_seconds": 2 }));
    assert_eq!(short[4].0, "ok", "a short restart of st2stream is not reported");
    let silent = tracking(&serde_json::json!({ "stream_lost_seconds": 90, "unanswered_seconds": 75 }));
    assert_eq!((silent[4].0, silent[4].1.as_str()), ("hold", "no answer to polls for 1 min"));
}

#[test]
fn a_tracker_that_has_nothing_to_ask_or_no_stream_by_choice_is_well() {
    let idle = tracking(&serde_json::json!({ "stream_connected": true, "answered_seconds_ago": 900 }));
    assert!(idle.iter().skip(3).all(|(class, _)| *class == "ok"), "{idle:?}");
    let polling = tracking(&serde_json::json!({ "stream_connected": false }));
    assert!(polling.iter().skip(3).all(|(class, _)| *class == "ok"), "{polling:?}");
}

#[test]
fn a_dispatcher_that_was_killed_and_started_again_is_not_missed() {
    let killed = process("dispatcher", true, &serde_json::json!({ "circuit": "closed" }));
    let since = |started: &str| seen(&[killed.clone(), dispatcher(&serde_json::json!({ "started_at": started }))]);
    let before = since("2020-01-01T00:00:00Z");
    assert_eq!((before[3].0, before[3].1.as_str()), ("hold", "1 runs, 1 gone"));
    assert_eq!(since("2099-01-01T00:00:00Z")[3].0, "ok");
}
