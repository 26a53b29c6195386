//! Recorded declarations, and the requests of the cache.

use super::*;
use crate::stackstorm::test_server::{Do, TestServer};

const RECORDED: &str = r#"{"tags":[],"uid":"action:remediation:host_down_workflow","name":"host_down_workflow","ref":"remediation.host_down_workflow",
    "enabled":true,"pack":"remediation","runner_type":"orquesta","parameters":{"alert_name":{"type":"string","required":true},
    "notify":{"type":"array","default":[]},"poundcake_request_id":{"type":"string","secret":true,"enum":["a"]},"sleep":{"type":"integer","default":0},"mode":{"type":["string","null"],"immutable":true,"default":null}},
    "output_schema":{},"notify":{},"id":"6b0234078922ff26a12f1b02"}"#;

fn action() -> ActionRef {
    ActionRef::parse("remediation.host_down_workflow").unwrap()
}

#[test]
fn a_declaration_is_read_as_stackstorm_writes_it() {
    let read: Action = serde_json::from_str(RECORDED).unwrap();
    assert!(read.enabled);
    let of = |name: &str| read.parameters.get(name).unwrap();
    assert!(of("alert_name").must_be_filled() && of("alert_name").kind.as_deref() == Some("string"));
    assert!(of("sleep").has_default && !of("sleep").must_be_filled());
    assert!(of("poundcake_request_id").secret && of("poundcake_request_id").choices == Some(vec!["a".into()]));
    assert!(of("notify").has_default, "the runner's are there too");
    assert!(of("mode").immutable && of("mode").kind.is_none() && !of("mode").has_default);
}

#[tokio::test]
async fn a_declaration_is_asked_for_once_until_it_is_forgotten() {
    let server = TestServer::replying(200, RECORDED).await;
    let (client, cache) = (server.client(), ActionCache::new(Duration::from_hours(1)));
    cache.get(&client, &action()).await.unwrap();
    cache.get(&client, &action()).await.unwrap();
    assert_eq!(server.seen().len(), 1);
    assert!(server.seen()[0].starts_with("GET /v1/actions/views/overview/remediation.host_down_workflow HTTP/1.1\r\n"));
    cache.forget(&action());
    cache.get(&client, &action()).await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_declaration_that_has_grown_old_is_asked_for_again() {
    let server = TestServer::replying(200, RECORDED).await;
    let (client, cache) = (server.client(), ActionCache::new(Duration::ZERO));
    cache.get(&client, &action()).await.unwrap();
    cache.get(&client, &action()).await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn an_unknown_action_is_not_found_and_a_broken_answer_is_not_that() {
    let gone = r#"{"faultstring":"Resource with a reference or id \"remediation.host_down_workflow\" not found"}"#;
    let script = vec![
        Do::Reply(404, "", gone.to_owned()),
        Do::Reply(500, "", r#"{"faultstring":"Internal Server Error"}"#.to_owned()),
    ];
    let server = TestServer::start(script).await;
    let (client, cache) = (server.client(), ActionCache::new(Duration::from_hours(1)));
    assert_eq!(cache.get(&client, &action()).await, Err(ActionError::NotFound(action())));
    let broken = cache.get(&client, &action()).await;
    assert!(matches!(broken, Err(ActionError::Lookup(LookupError::Unavailable(_)))), "{broken:?}");
}
