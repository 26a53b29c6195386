//! Lists of executions: paging, filters, attributes.

use serde_json::{Value, json};

use super::{session::Session, shape::Tolerance};

/// The recorded history is another one: only what both lists have is compared, without its values.
pub(crate) fn any_history() -> Tolerance {
    Tolerance {
        values: vec![
            "id",
            "start_timestamp",
            "end_timestamp",
            "status",
            "cmd",
            "instance",
            "poundcake_request_id",
            "trace_tag",
            "task_id",
            "task_name",
            "web_url",
        ],
        members: vec![
            "end_timestamp",
            "elapsed_seconds",
            "result",
            "result_size",
            "children",
            "hostname",
            "pid",
            "trace_context",
            "workflow_execution",
        ],
        lists_by_prefix: true,
    }
}

/// A history like the recorded one at its newer end: workflows, one of them failed by its template.
async fn history() -> Session {
    let mut session = Session::start();
    for number in ["10", "20", "28b", "28d", "28f"] {
        session.replay(number).await;
    }
    let all = session.control().executions();
    let failed = all.iter().find(|execution| execution.status == "failed").unwrap();
    // Its POST was refused, so its id is not known.
    session.ids.insert("6b0235893117e68b4306be9d".to_owned(), failed.id.clone());
    let ids: Vec<_> = session.control().executions().into_iter().map(|execution| execution.id).collect();
    for id in ids {
        session.until_ended(&id).await;
    }
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_take_the_recorded_queries() {
    let mut session = history().await;
    let tolerance = any_history();
    for number in [
        "31", "33", "33b", "33c", "33d", "33e", "34", "34a", "34b", "35", "35b", "35d", "35e", "36b", "91c", "98b",
        "123b", "125",
    ] {
        session.replay_within(number, &tolerance).await;
    }
    let page = session.replay_within("32b", &tolerance).await;
    assert_eq!(page.json.as_array().unwrap().len(), 3);
    session.replay_within("124b", &tolerance).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_comes_first_and_pages_count_from_there() {
    let session = history().await;
    let all = session.get("/v1/executions?limit=-1").await;
    let total = all.headers["X-Total-Count"].to_str().unwrap().to_owned();
    assert!(!all.headers.contains_key("X-Limit") || all.headers["X-Limit"] == "-1");
    let ids = |live: &Value| live.as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    let page = session.get("/v1/executions?limit=2&offset=1").await;
    assert_eq!(ids(&page.json), ids(&all.json)[1..3]);
    assert_eq!(page.headers["X-Total-Count"].to_str().unwrap(), total);
    let ascending = session.get("/v1/executions?sort_asc=true").await;
    let mut reversed = ids(&ascending.json);
    reversed.reverse();
    assert_eq!(reversed, ids(&all.json));
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_by_value_and_by_time() {
    let session = history().await;
    let count = async |query: &str| session.get(&format!("/v1/executions?{query}")).await.json.as_array().map(Vec::len);
    let roots = count("parent=null").await.unwrap();
    assert_eq!(roots, 5);
    assert_eq!(count("status=failed").await, Some(1));
    assert_eq!(count("status=failed,succeeded").await, Some(0));
    assert_eq!(count("parent=null&action=remediation.host_down_workflow").await, Some(4));
    assert_eq!(count("runner=orquesta").await, Some(4));
    assert_eq!(count("user=nobody").await, Some(0));
    assert_eq!(count("filter=action.ref:core.local%20parameters.cmd:x").await, Some(0));
    let all = session.get("/v1/executions?parent=null&sort_asc=1").await.json;
    let second = all[1]["start_timestamp"].as_str().unwrap();
    assert_eq!(count(&format!("parent=null&timestamp_gt={second}")).await, Some(3));
    assert_eq!(count(&format!("parent=null&timestamp_lt={second}")).await, Some(1));
    let (first, second) = (all[0]["id"].as_str().unwrap(), all[1]["id"].as_str().unwrap());
    assert_eq!(count(&format!("id={first},{second},000000000000000000000000")).await, Some(2));
    assert_eq!(count(&format!("id={first}&id={second}")).await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_included_and_excluded() {
    let session = history().await;
    let both = session.get("/v1/executions?include_attributes=id&exclude_attributes=result").await;
    assert_eq!(both.status, 400);
    let part = session.get("/v1/executions?limit=1&parent=null&include_attributes=action.ref,context.parent").await;
    let action = part.json[0]["action"].as_object().unwrap();
    assert!(action.contains_key("uid") && action.contains_key("parameters") && !action.contains_key("entry_point"));
    assert!(part.json[0]["context"]["user"].is_string());
    let filters = session.get("/v1/executions/views/filters").await;
    assert!(filters.json["action"].as_array().unwrap().contains(&json!("core.local")), "{}", filters.text);
}
