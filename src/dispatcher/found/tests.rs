//! Which of what a lookup found is ours, and which is StackStorm's own or a person's.

use super::*;
use crate::stackstorm::ObjectId;
use serde_json::{Value, json};

fn root(id: &str) -> Root {
    Root {
        execution_id: ObjectId::parse(id).unwrap(),
        action_ref: "core.noop".to_owned(),
        created_at: chrono::DateTime::UNIX_EPOCH,
    }
}

fn seen(id: &str, status: &str, context: &Value) -> Sighting {
    let execution = json!({ "id": id, "status": status, "action": "core.noop", "context": context });
    Sighting::Seen(Box::new(serde_json::from_value(execution).unwrap()))
}

fn of(sightings: Vec<(&str, Sighting)>, cancelled: &[String]) -> Found {
    let (ids, sightings): (Vec<&str>, Vec<Sighting>) = sightings.into_iter().unzip();
    let roots: Vec<Root> = ids.into_iter().map(root).collect();
    Found::of_roots(&roots, sightings, cancelled)
}

fn ids(found: &Found) -> Vec<String> {
    found.links().map(|link| link.execution_id).collect()
}

#[test]
fn a_retry_of_stackstorms_and_a_persons_re_run_are_linked_never_cancelled_and_no_surplus() {
    let retry = json!({ "policies": { "retry": { "retry_count": 1 } } });
    let found = of(
        vec![
            ("a2", seen("a2", "requested", &retry)),
            ("a1", seen("a1", "failed", &json!({}))),
            ("a3", seen("a3", "running", &json!({ "re-run": { "ref": "a1" } }))),
        ],
        &[],
    );
    assert!(found.waiting.is_empty(), "what waits may be cancelled");
    assert_eq!((ids(&found), found.surplus()), (["a1", "a2", "a3"].map(str::to_owned).to_vec(), 0));
}

#[test]
fn a_second_post_of_ours_is_a_surplus() {
    let found = of(vec![("a1", seen("a1", "running", &json!({}))), ("a2", seen("a2", "requested", &json!({})))], &[]);
    assert_eq!((found.waiting.len(), found.surplus(), found.has_begun()), (1, 1, true));
}

#[test]
fn one_that_stackstorm_hides_or_has_deleted_was_there() {
    let found = of(vec![("a1", Sighting::Hidden)], &[]);
    assert!(found.has_begun() && !found.is_nothing());
    let found = of(vec![("a1", Sighting::Gone)], &[]);
    assert!(found.has_begun() && !found.is_nothing());
}

#[test]
fn one_that_we_cancelled_before_it_ran_is_as_if_it_had_never_been() {
    let canceled = || vec![("a1", seen("a1", "canceled", &json!({})))];
    assert!(of(canceled(), &["a1".to_owned()]).is_nothing());
    assert!(of(canceled(), &[]).has_begun(), "a cancel that is not ours");
}

#[test]
fn an_execution_that_a_rule_started_under_our_tag_is_not_ours() {
    let by_rule = json!({ "id": "a1", "status": "running", "rule": { "ref": "p.r" } });
    let execution = serde_json::from_value(by_rule).unwrap();
    assert!(Found::of_executions(vec![execution], &[]).is_nothing());
}
