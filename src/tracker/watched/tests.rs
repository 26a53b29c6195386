//! What is followed, asked for and let go.

use super::*;
use serde_json::json;

fn id(text: &str) -> ExecutionId {
    ExecutionId::parse(text).unwrap()
}

fn shown(of: &str, status: &str, log: usize, children: &[&str]) -> Execution {
    let log: Vec<_> = (0..log).map(|_| json!({ "status": status, "timestamp": "2026-11-22T00:00:00Z" })).collect();
    serde_json::from_value(json!({ "id": of, "status": status, "log": log, "children": children })).unwrap()
}

fn child(of: &str, parent: &str, status: &str) -> Execution {
    Execution { parent: Some(id(parent)), ..shown(of, status, 1, &[]) }
}

/// Takes it and writes it.
fn pass(watched: &mut Watched, execution: &Execution) -> Written {
    let news = watched.take(execution, Instant::now(), true).expect("news");
    watched.written(&execution.id, news.row.tracking)
}

#[test]
fn an_execution_is_followed_to_its_end_and_its_link_gets_its_row() {
    let mut watched = Watched::default();
    watched.add_link(&id("a"), 7, None, Instant::now());
    watched.add_link(&id("a"), 8, None, Instant::now());
    assert_eq!(pass(&mut watched, &shown("a", "running", 2, &[])).links, [7, 8]);
    assert!(watched.contains(&id("a")));
    assert_eq!(pass(&mut watched, &shown("a", "succeeded", 3, &[])), Written::default());
    assert!(!watched.contains(&id("a")));
    assert!(watched.take(&shown("b", "running", 1, &[]), Instant::now(), true).is_none(), "not ours");
}

#[test]
fn a_workflow_is_done_when_it_has_ended_and_every_child_has_its_row() {
    let mut watched = Watched::default();
    watched.add(id("w"), None, Instant::now());
    pass(&mut watched, &child("c1", "w", "succeeded"));
    let news = watched.take(&shown("w", "succeeded", 4, &["c1", "c2"]), Instant::now(), true).unwrap();
    assert_eq!(news.row.tracking, Tracking::Following, "a child is missing: a restart must come back to it");
    assert_eq!(watched.written(&id("w"), news.row.tracking), Written::default());
    assert!(watched.question().contains(&id("c2")));
    let gone = watched.gone(&id("c2")).unwrap();
    assert_eq!(gone.row.parent.as_deref(), Some("w"));
    assert_eq!(watched.written(&id("c2"), Tracking::Gone).finished, Some(id("w")));
    assert_eq!(watched.entries.len(), 0);
}

#[test]
fn an_older_answer_that_comes_late_is_no_news() {
    let mut watched = Watched::default();
    watched.add(id("a"), None, Instant::now());
    pass(&mut watched, &shown("a", "running", 3, &[]));
    assert!(watched.take(&shown("a", "scheduled", 2, &[]), Instant::now(), false).is_none());
    assert!(watched.take(&shown("a", "running", 3, &[]), Instant::now(), false).is_none(), "nothing new");
    watched.refused(&id("a"));
    assert!(watched.take(&shown("a", "running", 3, &[]), Instant::now(), false).is_some(), "the row is not there");
}

#[test]
fn after_a_connect_everything_is_asked_for_that_was_not_heard_of_since() {
    let mut watched = Watched::default();
    let start = Instant::now();
    for n in 0..250 {
        watched.add(id(&format!("e{n}")), None, start);
    }
    let connected = Instant::now();
    watched.ask_for_all(connected);
    let after = connected + Duration::from_millis(1);
    watched.take(&shown("e3", "running", 1, &[]), after, true).unwrap();
    let asked: Vec<usize> = std::iter::from_fn(|| Some(watched.question().len()).filter(|n| *n > 0)).collect();
    assert_eq!(asked, [100, 100, 49]);
    let [often, rarely] = [Duration::from_secs(5), Duration::from_mins(1)];
    watched.ask_for_silent(after + Duration::from_secs(4), often, rarely);
    assert_eq!(watched.queue.len(), 249, "never answered");
    watched.queue.clear();
    watched.ask_for_silent(after + Duration::from_secs(6), often, rarely);
    assert_eq!(watched.queue.len(), 250);
}
