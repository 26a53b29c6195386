//! Tokens, API keys, and every way to show them.

use serde_json::json;

use super::session::Session;

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_given_for_basic_credentials_only() {
    let mut session = Session::start();
    for number in ["01", "01b", "01c", "01d", "01f", "02", "03"] {
        session.replay(number).await;
    }
    let login = format!("Basic {}", "c3QyYWRtaW46d3Jvbmc=");
    let live = session.send_with("POST", "/auth/tokens", &[("Authorization", &login)], None).await;
    assert_eq!((live.status, &live.json["faultstring"]), (401, &json!("Invalid or missing credentials")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_answers_with_its_cookie_and_expires() {
    let mut session = Session::start();
    let token = session.replay("01").await.json["token"].as_str().unwrap().to_owned();
    let live = session.replay("02").await;
    let cookie = live.headers["Set-Cookie"].to_str().unwrap();
    assert!(cookie.starts_with(&format!("auth-token={token}; Max-Age=86")), "{cookie}");
    assert!(cookie.ends_with("secure; HttpOnly; SameSite=lax"), "{cookie}");
    let by_cookie = session.send_with("GET", "/v1/user", &[("St2-Api-Key", ""), ("Cookie", cookie)], None).await;
    assert_eq!(by_cookie.status, 200, "{}", by_cookie.text);
    let key_and_token = session.send_with("GET", "/v1/user", &[("X-Auth-Token", &token)], None).await;
    assert_eq!(key_and_token.json["username"], "st2admin");
    assert!(key_and_token.json["authentication"]["token_expire"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_or_with_wrong_credentials_are_refused_in_these_words() {
    let mut session = Session::anywhere();
    for number in ["26", "26b", "26c", "67c", "72", "72b", "59e", "27", "27b"] {
        session.replay(number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_in_header_and_query_are_taken() {
    let mut session = Session::start();
    session.replay("01").await;
    session.replay("26d").await;
    let tolerance = super::lists::any_history();
    for number in ["26e", "26f", "26g"] {
        session.replay_within(number, &tolerance).await;
    }
    for number in ["69", "67", "67b", "68", "73"] {
        session.replay(number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_shown_disabled_and_deleted() {
    let mut session = Session::start();
    session.replay("70").await;
    let key = session.replay("70b").await.json["key"].as_str().unwrap().to_owned();
    let user = async |session: &Session| {
        session.send_with("GET", &format!("/v1/user?st2-api-key={key}"), &[("St2-Api-Key", "")], None).await
    };
    assert_eq!(user(&session).await.json["username"], "tmp");
    for number in ["70c", "70d", "71"] {
        session.replay(number).await;
    }
    assert_eq!(user(&session).await.json["faultstring"], "Unauthorized - API key is disabled.");
    session.replay("71c").await;
    let deleted = user(&session).await;
    let text = deleted.json["faultstring"].as_str().unwrap();
    assert!(text.starts_with("Unauthorized - ApiKey with key_hash=") && text.ends_with(" not found."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lives_as_long_as_the_server_allows() {
    let session = Session::start();
    session.control().set_token_ttl(1);
    let login = [("Authorization", super::session::LOGIN)];
    let token =
        session.send_with("POST", "/auth/tokens", &login, None).await.json["token"].as_str().unwrap().to_owned();
    let user =
        async || session.send_with("GET", "/v1/user", &[("St2-Api-Key", ""), ("X-Auth-Token", &token)], None).await;
    assert_eq!(user().await.status, 200);
    let longer = session.send_with("POST", "/auth/tokens", &login, Some(r#"{"ttl": 30}"#.to_owned())).await;
    assert_eq!(
        (longer.status, &longer.json["faultstring"]),
        (400, &json!("TTL specified 30 is greater than max allowed 1."))
    );
    let expired = async {
        loop {
            let live = user().await;
            if live.status != 200 {
                return live;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let live = tokio::time::timeout(std::time::Duration::from_secs(30), expired).await.unwrap();
    assert_eq!((live.status, &live.json["faultstring"]), (401, &json!("Unauthorized - Token has expired.")));
}
