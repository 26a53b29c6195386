//! Who hears which event.

use serde_json::json;

use super::*;

fn selection(query: &[(&str, &str)]) -> Selection {
    let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Selection::read(&Call { query, ..Call::default() })
}

#[test]
fn a_selection_takes_globs_actions_and_executions() {
    let own = Event::new("st2.execution__update".to_owned(), "core.noop", Some("a"), Status::Succeeded, &json!({}));
    let live = Event::new("st2.liveaction__update".to_owned(), "core.noop", None, Status::Succeeded, &json!({}));
    assert!(selection(&[]).includes(&own) && selection(&[]).includes(&live));
    assert!(!selection(&[("events", "st2.execution__*")]).includes(&live));
    assert!(!selection(&[("execution_ids", "a,b")]).includes(&live));
    assert!(!selection(&[("action_refs", "core.local")]).includes(&own));
    let ending = [("end_event", "st2.execution__update"), ("end_execution_id", "a")];
    assert!(selection(&ending).ends_with(&own) && !selection(&ending).ends_with(&live));
}
