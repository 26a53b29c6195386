//! Recorded executions, and the calls for them.

use super::*;
use crate::stackstorm::{
    exchange::MAX_BODY,
    test_server::{Do, TestServer},
};

fn id(text: &str) -> ExecutionId {
    ExecutionId::parse(text).unwrap()
}

const ID: &str = "6b02358e3117e68b4306bea9";

const CANCELING: &str = r#"{"action":{"name":"host_down_workflow","ref":"remediation.host_down_workflow","runner_type":"orquesta","parameters":{}},
    "runner":{"name":"orquesta"},"liveaction":{"action":"remediation.host_down_workflow","parameters":{},"callback":{},"id":"6b02358e3117e68b4306bea8"},
    "status":"canceling","start_timestamp":"2026-11-22T00:21:34.565578Z","parameters":{"instance":"web-1:9100","sleep":20},"result_size":15,
    "context":{"user":"poundcake","pack":"remediation"},"children":["6b02358e5c59aedeefc284da"],
    "log":[{"timestamp":"2026-11-22T00:21:34.570000Z","status":"requested"},{"timestamp":"2026-11-22T00:21:34.638000Z","status":"running"}],
    "web_url":"https://st2.example.local/#/history/6b02358e3117e68b4306bea9/general","id":"6b02358e3117e68b4306bea9","result":{"message":"Action canceled by user."}}"#;

#[test]
fn an_execution_is_read_whole() {
    let read: Execution = serde_json::from_str(CANCELING).unwrap();
    assert_eq!((read.id.as_str(), read.known_status()), (ID, Some(ExecutionStatus::Canceling)));
    assert_eq!(read.action_ref.as_deref(), Some("remediation.host_down_workflow"));
    assert_eq!((&read.rule_ref, &read.parent, read.end_timestamp), (&None, &None, None));
    assert_eq!(read.start_timestamp.unwrap().timestamp_subsec_micros(), 565_578);
    assert_eq!(read.children, [id("6b02358e5c59aedeefc284da")]);
    assert_eq!(read.liveaction.as_ref().unwrap().id, id("6b02358e3117e68b4306bea8"));
    assert!(read.has_run() && !read.is_terminal());
}

#[test]
fn an_unknown_status_and_a_rules_ref_do_not_fail_a_lookup() {
    let text =
        r#"{"id":"a1","status":"pondering","start_timestamp":"soon","rule":{"ref":"remediation.host_down_rule"}}"#;
    let read: Execution = serde_json::from_str(text).unwrap();
    assert_eq!((read.status.as_str(), read.known_status(), read.is_terminal()), ("pondering", None, false));
    assert_eq!((read.rule_ref.as_deref(), read.start_timestamp), (Some("remediation.host_down_rule"), None));
}

#[test]
fn five_statuses_are_terminal() {
    let terminal: Vec<&str> =
        ExecutionStatus::ALL.iter().filter(|status| status.is_terminal()).map(|status| status.as_str()).collect();
    assert_eq!(terminal, ["succeeded", "failed", "timeout", "abandoned", "canceled"]);
}

#[tokio::test]
async fn a_refused_cancel_answers_200_and_is_told_by_its_body() {
    let refused = r#"{"faultstring":"Action cannot be canceled. State = canceling."}"#;
    let gone = format!(r#"{{"faultstring":"Unable to identify resource with id \"{ID}\"."}}"#);
    let script = vec![
        Do::Reply(200, "", CANCELING.to_owned()),
        Do::Reply(200, "", refused.to_owned()),
        Do::Reply(404, "", gone),
        Do::Reply(500, "", r#"{"faultstring":"Internal Server Error"}"#.to_owned()),
    ];
    let server = TestServer::start(script).await;
    let client = server.client();
    assert!(matches!(client.cancel_execution(&id(ID)).await, Ok(Cancel::Requested(execution)) if execution.has_run()));
    assert!(
        matches!(client.cancel_execution(&id(ID)).await, Ok(Cancel::NotCancelable(why)) if why.contains("canceling"))
    );
    assert_eq!(client.cancel_execution(&id(ID)).await, Ok(Cancel::NotFound));
    assert!(matches!(client.cancel_execution(&id(ID)).await, Err(LookupError::Unavailable(_))));
    assert!(server.seen()[0].starts_with(&format!("DELETE /v1/executions/{ID} HTTP/1.1\r\n")));
}

#[tokio::test]
async fn only_stackstorms_own_404_says_that_an_execution_is_gone() {
    let gone = r#"{"faultstring":"Unable to identify resource with id \"a1\"."}"#;
    assert_eq!(TestServer::replying(404, gone).await.client().execution(&id("a1")).await, Ok(None));
    for not_gone in ["<html>404</html>", r#"{"faultstring":"The resource could not be found."}"#] {
        let found = TestServer::replying(404, not_gone).await.client().execution(&id("a1")).await;
        assert!(matches!(found, Err(LookupError::Refused { status: 404, .. })), "{found:?}");
    }
}

#[tokio::test]
async fn many_ids_are_asked_for_a_hundred_at_a_time() {
    let server = TestServer::replying(200, r#"[{"id":"a1","status":"running"}]"#).await;
    let ids: Vec<ExecutionId> = (0..250).map(|n| id(&format!("{n:024x}"))).collect();
    assert_eq!(server.client().executions_by_ids(&ids).await.unwrap().len(), 3);
    let mut asked = 0;
    for request in server.seen() {
        let line = request.lines().next().unwrap();
        assert!(line.len() < 4094 && line.contains("limit=100"), "{line}");
        asked += line.split("%2C").count();
    }
    assert_eq!(asked, 250);
}

#[tokio::test]
async fn a_list_of_too_much_is_halved_and_a_result_of_too_much_is_left_out() {
    let large = "x".repeat(MAX_BODY + 1);
    let one = r#"{"id":"a1","status":"succeeded"}"#.to_owned();
    let script = vec![
        Do::Reply(200, "", large.clone()),
        Do::Reply(200, "", large),
        Do::Reply(200, "", one.clone()),
        Do::Reply(200, "", one),
    ];
    let server = TestServer::start(script).await;
    assert_eq!(server.client().executions_by_ids(&[id("a1"), id("a2")]).await.unwrap().len(), 2);
    assert!(server.seen()[2].contains("?exclude_attributes=result%2Ctrigger_instance "));
}

#[tokio::test]
async fn a_later_execution_that_ran_is_looked_for_status_by_status() {
    let script =
        vec![Do::Reply(200, "", "[]".to_owned()), Do::Reply(200, "", r#"[{"id":"a1","status":"running"}]"#.to_owned())];
    let server = TestServer::start(script).await;
    let since = DateTime::parse_from_rfc3339("2026-11-22T00:20:30.856040Z").unwrap().to_utc();
    assert_eq!(server.client().has_run_any_since(since).await, Ok(true));
    assert!(server.seen()[1].contains("timestamp_gt=2026-11-22T00%3A20%3A30.856040Z&status=running&limit=1"));
    assert_eq!(TestServer::replying(200, "[]").await.client().has_run_any_since(since).await, Ok(false));
}

#[tokio::test]
async fn a_list_is_read_to_its_last_page() {
    let page = |ids: std::ops::Range<usize>| {
        let entries: Vec<String> = ids.map(|n| format!(r#"{{"id":"a{n}","trace_tag":"t"}}"#)).collect();
        Do::Reply(200, "X-Total-Count: 130\r\n", format!("[{}]", entries.join(",")))
    };
    let server = TestServer::start(vec![page(0..100), page(100..130)]).await;
    assert_eq!(server.client().traces_by_tag("t").await.unwrap().len(), 130);
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen[1].starts_with("GET /v1/traces?trace_tag=t&limit=100&offset=100 "), "{}", seen[1]);
}

#[tokio::test]
async fn an_execution_missing_from_a_list_is_read_by_id_and_is_gone_only_by_st2apis_own_404() {
    let gone = r#"{"faultstring":"Unable to identify resource with id \"a2\"."}"#.to_owned();
    let script = |last: Do| {
        vec![
            Do::Reply(200, "", "[]".to_owned()),
            Do::Reply(200, "", r#"{"id":"a1","status":"running"}"#.to_owned()),
            last,
        ]
    };
    let ids = [id("a1"), id("a2")];
    let sightings = async |last: Do| {
        let server = TestServer::start(script(last)).await;
        server.client().sightings(ids.iter()).await
    };
    let own = sightings(Do::Reply(404, "", gone.clone())).await.unwrap();
    assert!(matches!(&own[..], [Sighting::Seen(_), Sighting::Gone]), "{own:?}");
    assert!(sightings(Do::Foreign(404, "", gone)).await.is_err(), "a proxy's words");
    let hidden = sightings(Do::Reply(403, "", r#"{"faultstring":"no"}"#.to_owned())).await.unwrap();
    assert_eq!(hidden[1], Sighting::Hidden);
}

#[test]
fn stackstorms_retries_and_a_persons_re_runs_are_known_by_their_context() {
    let with = |context: &str| -> Execution {
        serde_json::from_str(&format!(r#"{{"id":"a1","status":"running","context":{context}}}"#)).unwrap()
    };
    assert!(with(r#"{"policies":{"retry":{"retry_count":1,"applied_policy":"p"}}}"#).is_made_again());
    assert!(with(r#"{"re-run":{"ref":"a0"},"trace_context":{"id_":"b1"}}"#).is_made_again());
    assert!(!with(r#"{"policies":{},"poundcake":{}}"#).is_made_again());
}
