//! Executions that are followed, polled and dropped.

use super::*;
use crate::tracker::patience::{CUT, STREAMING};
use serde_json::json;
use std::time::Duration;

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
    watched.ask_for_silent(Instant::now(), &CUT);
    assert_eq!(watched.question(Instant::now()), Some(Question::Whole(vec![id("c2")])));
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

/// All questions there are: how many executions each asks for, whole ones first.
fn questions(watched: &mut Watched, now: Instant) -> Vec<(&'static str, usize)> {
    let word = |question: Question| match question {
        Question::Whole(ids) => ("whole", ids.len()),
        Question::Glance(ids) => ("glance", ids.len()),
    };
    std::iter::from_fn(|| watched.question(now)).map(word).collect()
}

#[test]
fn after_a_connect_executions_without_recent_events_are_read() {
    let mut watched = Watched::default();
    let start = Instant::now();
    for n in 0..250 {
        watched.add(id(&format!("e{n}")), None, start);
    }
    watched.take(&shown("e4", "running", 1, &[]), start, true).unwrap();
    let connected = start + Duration::from_millis(1);
    watched.ask_for_all(connected);
    let after = connected + Duration::from_millis(1);
    watched.take(&shown("e3", "running", 1, &[]), after, true).unwrap();
    assert_eq!(questions(&mut watched, after), [("whole", 100), ("whole", 100), ("whole", 48), ("glance", 1)]);
    watched.ask_for_all(after + Duration::from_secs(1));
    assert_eq!(questions(&mut watched, after)[2..], [("whole", 48), ("glance", 2)], "and again after the next one");
}

#[test]
fn executions_without_stream_events_are_read_within_seconds() {
    for (patience, wait) in [(STREAMING, 1), (CUT, 0)] {
        let (mut watched, start) = (Watched::default(), Instant::now());
        watched.add(id("a"), None, start);
        if wait > 0 {
            watched.ask_for_silent(start, &patience);
            assert_eq!(questions(&mut watched, start), [], "the stream is given the time to tell");
        }
        let now = start + Duration::from_secs(wait);
        watched.ask_for_silent(now, &patience);
        assert_eq!(questions(&mut watched, now), [("whole", 1)]);
        // Not answered, or not to be read: asked again, and never given up.
        let later = now + Duration::from_mins(10);
        watched.ask_for_silent(later, &patience);
        assert_eq!(questions(&mut watched, later), [("whole", 1)]);
    }
}

#[test]
fn with_a_working_stream_executions_without_events_are_polled_less_and_less() {
    let (mut watched, start) = (Watched::default(), Instant::now());
    let running: Vec<Execution> = (0..500).map(|n| shown(&format!("e{n}"), "running", 3, &[])).collect();
    for execution in &running {
        watched.add(execution.id.clone(), None, start);
        watched.take(execution, start, true).unwrap();
    }
    let mut asked = Vec::new();
    for second in 1..=540 {
        let now = start + Duration::from_secs(second);
        watched.ask_for_silent(now, &STREAMING);
        let answered = questions(&mut watched, now);
        if !answered.is_empty() {
            for execution in &running {
                watched.glanced(execution, now);
            }
        }
        asked.extend(answered.into_iter().map(|question| (second, question)));
    }
    let times: Vec<u64> = asked.iter().map(|(second, _)| *second).step_by(5).collect();
    assert_eq!(times, [11, 26, 56, 116, 236, 476], "each wait is about twice the one before");
    assert!(asked.iter().all(|(_, question)| *question == ("glance", 100)), "full requests, and no whole executions");
}

#[test]
fn a_changed_execution_is_read_in_full() {
    let (mut watched, start) = (Watched::default(), Instant::now());
    for name in ["a", "b", "c", "d"] {
        watched.add(id(name), None, start);
        watched.take(&shown(name, "running", 3, &["c1"]), start, true).unwrap();
    }
    let now = start + Duration::from_secs(1);
    watched.glanced(&shown("a", "succeeded", 4, &["c1"]), now);
    watched.glanced(&shown("b", "running", 3, &["c1", "c2"]), now);
    watched.glanced(&shown("c", "running", 3, &["c1"]), now);
    watched.glanced(&shown("d", "scheduled", 2, &[]), now);
    watched.glanced(&shown("foreign", "running", 1, &[]), now);
    assert_eq!(watched.question(now), Some(Question::Whole(vec![id("a"), id("b")])));
}

#[test]
fn news_make_the_questions_frequent_again() {
    let (mut watched, start) = (Watched::default(), Instant::now());
    watched.add(id("a"), None, start);
    watched.take(&shown("a", "running", 3, &[]), start, true).unwrap();
    let paused = start + Duration::from_mins(30);
    watched.take(&shown("a", "paused", 4, &[]), paused, true).unwrap();
    let soon = paused + Duration::from_secs(10);
    watched.ask_for_silent(soon, &STREAMING);
    assert_eq!(questions(&mut watched, soon), [("glance", 1)]);
}
