use super::*;
use serde_json::json;

fn started(alert: i64, generation: i32, id: &str, status: &str, log: &[&str], minute: u32) -> Started {
    let log: Vec<Value> = log.iter().map(|status| json!({ "status": status })).collect();
    let execution = json!({
        "id": id, "status": status, "log": log, "action": { "ref": "remediation.host_down_workflow" },
        "start_timestamp": format!("2026-11-22T01:{minute:02}:00.000000Z"),
    });
    let sent = json!({ "alert_name": "HostDown", "instance": "h1", "labels": { "a": "b", "n": 1 }, "starts_at": "2026-11-22T00:59:00Z" });
    Started {
        tag: format!("poundcake:r:{alert}:{generation}").parse().unwrap(),
        execution: serde_json::from_value(execution).unwrap(),
        fingerprint: Some("0123456789abcdef".to_owned()),
        sent: sent.as_object().unwrap().clone(),
        webhook: None,
    }
}

fn id(n: u32) -> String {
    format!("6b0235893117e68b4306be{n:02x}")
}

#[test]
fn an_alert_is_as_it_was_sent() {
    let all = group(vec![started(7, 0, &id(1), "succeeded", &["requested", "running"], 5)]);
    let dispatched = &all[0].dispatched;
    assert_eq!((dispatched.seen, dispatched.target.as_deref()), (0, Some("action:remediation.host_down_workflow")));
    let alert = dispatched.alert.as_ref().unwrap();
    assert_eq!((alert.alert_name.as_str(), alert.labels.as_str()), ("HostDown", r#"{"a":"b"}"#));
    assert_eq!(alert.starts_at.unwrap().to_string(), "2026-11-22 00:59:00");
}

#[test]
fn the_newest_generation_that_ran_counts_and_all_that_were_seen() {
    let all = group(vec![
        started(7, 2, &id(3), "canceled", &["requested", "canceled"], 9),
        started(7, 0, &id(1), "failed", &["running"], 5),
        started(7, 1, &id(2), "requested", &[], 7),
    ]);
    let [one] = &all[..] else { panic!("{all:?}") };
    assert_eq!((one.dispatched.tag.generation, one.dispatched.seen), (1, 2));
    assert_eq!(one.dispatched.links.iter().map(|link| link.execution_id.clone()).collect::<Vec<_>>(), [id(2), id(1)]);
    assert_eq!((&one.not_begun, &one.never_ran), (&vec![id(2)], &vec![id(3)]));
    assert_eq!(one.dispatched.begun.to_string(), "2026-11-22 01:07:00");
}

#[test]
fn dispatches_come_in_the_order_in_which_they_ran() {
    let running = ["running"];
    let all = group(vec![started(9, 0, &id(2), "running", &running, 6), started(8, 0, &id(1), "running", &running, 7)]);
    assert_eq!(all.iter().map(|one| one.dispatched.tag.alert_id.0).collect::<Vec<_>>(), [9, 8]);
}

#[test]
fn what_never_ran_is_no_run() {
    let all = group(vec![started(7, 0, &id(1), "failed", &["requested", "failed"], 5)]);
    assert!(all[0].dispatched.links.is_empty());
    assert_eq!(all[0].never_ran, [id(1)]);
}
