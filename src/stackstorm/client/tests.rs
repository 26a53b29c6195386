//! Where requests go, and which URLs are refused.

use super::*;
use crate::{
    secret::Secret,
    stackstorm::test_server::{TestServer, client_of},
};

const VERSION: &str = r#"{"version":"3.9.0"}"#;

#[test]
fn paths_are_put_below_the_api_url_with_and_without_a_slash_at_its_end() {
    for base in ["http://127.0.0.1:9101/v1", "http://127.0.0.1:9101/v1/"] {
        let client = client_of(&Url::parse(base).unwrap(), Config::TIMEOUT);
        let url = |path: &[&str]| client.request(Method::GET, path).build().unwrap().url().to_string();
        assert_eq!(url(&["executions", "a/../b"]), "http://127.0.0.1:9101/v1/executions/a%2F..%2Fb");
        assert_eq!(url(&[""]), "http://127.0.0.1:9101/v1/");
    }
    let nginx = client_of(&Url::parse("http://127.0.0.1/api/v1").unwrap(), Config::TIMEOUT);
    let request = nginx.request(Method::GET, &["traces"]).query(&[("trace_tag", "poundcake:a&b")]).build().unwrap();
    assert_eq!(request.url().as_str(), "http://127.0.0.1/api/v1/traces?trace_tag=poundcake%3Aa%26b");
}

#[test]
fn a_url_that_cannot_be_used_is_refused_by_its_variable() {
    for bad in ["ftp://st2/v1", "http://admin:hunter2@st2/v1", "http://st2/v1?st2-api-key=hunter2"] {
        let credentials = Credentials::ApiKey(Secret::Value("k".into()));
        let api_url = Url::parse(bad).unwrap();
        let error = Client::new(Config { api_url, credentials, ca_file: None, timeout: Config::TIMEOUT }).unwrap_err();
        assert!(error.to_string().starts_with("ST2_API_URL: ") && !error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_call_can_be_made_in_a_spawned_future_and_names_the_peer_that_failed() {
    let server = TestServer::replying(200, VERSION).await;
    let client = server.client();
    let version = tokio::spawn(async move { client.ping().await }).await.unwrap();
    assert_eq!(version, Ok(Version { version: "3.9.0".to_owned(), echoed: true }));

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let gone = client_of(&Url::parse(&format!("http://{address}/v1")).unwrap(), Config::TIMEOUT);
    let Err(LookupError::Unavailable(message)) = gone.ping().await else { panic!("an answer came") };
    assert!(message.starts_with(&address), "{message}");
}

#[tokio::test]
async fn a_page_instead_of_json_is_no_answer() {
    let server = TestServer::replying(200, "<html>log in</html>").await;
    assert!(matches!(server.client().ping().await, Err(LookupError::Unreadable(_))));
    assert!(matches!(server.client().traces_by_tag("t").await, Err(LookupError::Unreadable(_))));
}

#[tokio::test]
async fn traces_of_other_tags_are_not_taken_for_ours() {
    let other = r#"[{"id":"a1","trace_tag":"other","trigger_instances":[],"action_executions":[]}]"#;
    let server = TestServer::replying(200, other).await;
    assert!(matches!(server.client().traces_by_tag("ours").await, Err(LookupError::Unreadable(_))));
    assert_eq!(server.client().traces_by_tag("other").await.unwrap().len(), 1);
}
