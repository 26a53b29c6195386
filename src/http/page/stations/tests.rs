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
    let stale = seen(&[process("dispatcher", true, &serde_json::json!({ "circuit": "closed" })), tracker]);
    assert_eq!((stale[3].0, stale[3].1.as_str()), ("bad", "none runs"));
}

#[test]
fn different_routes_files_are_said() {
    let other = serde_json::json!({ "routes": { "digest": "b" } });
    let two = of(&[dispatcher(&serde_json::json!({})), dispatcher(&other)], 0);
    assert_eq!((two[3].class, two[3].say.as_str()), ("hold", "2 run"));
    assert!(two[3].more.contains("different"));
}
