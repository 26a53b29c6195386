//! Who may see the page: an operator's token becomes a session, for twelve hours, on every replica.

use crate::{
    harness::{TestDatabase, client, eventually},
    http_api::app::{App, with_tokens},
};
use reqwest::{RequestBuilder, Response};
use std::time::Duration;

async fn sign_in(app: &App, token: &str, next: &str) -> Response {
    let form = url_encoded(&[("token", token), ("next", next)]);
    post(app, "/login").body(form).send().await.unwrap()
}

fn url_encoded(pairs: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap().to_owned()
}

fn post(app: &App, path: &str) -> RequestBuilder {
    client().post(app.url(path)).header("content-type", "application/x-www-form-urlencoded")
}

fn cookie(answer: &Response) -> String {
    answer.headers()["set-cookie"].to_str().unwrap().to_owned()
}

/// What a browser sends back.
fn session(answer: &Response) -> String {
    cookie(answer).split(';').next().unwrap().to_owned()
}

async fn status(app: &App, path: &str, session: &str) -> u16 {
    client().get(app.url(path)).header("cookie", session).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_token_is_a_session_on_every_replica_until_it_leaves_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let settings = with_tokens(&directory);
    let app = App::with(TestDatabase::sqlite(), &settings).unwrap();
    let replica = App::with(TestDatabase::sqlite(), &settings).unwrap();
    let signed_in = sign_in(&app, "operator-token", "/alerts?range=all").await;
    assert_eq!(
        (signed_in.status().as_u16(), &signed_in.headers()["location"]),
        (303, &"/alerts?range=all".parse().unwrap())
    );
    let whole = cookie(&signed_in);
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
        assert!(whole.contains(part), "{whole}");
    }
    assert!(!whole.contains("operator-token"), "{whole}");
    let session = session(&signed_in);
    for app in [&app, &replica] {
        assert_eq!(status(app, "/alerts", &session).await, 200);
        assert_eq!(status(app, "/api/v1/alerts", &session).await, 401, "a session is for the page alone");
        assert_eq!(status(app, "/alerts", &format!("{session}A")).await, 303);
    }
    let text = client().get(app.url("/")).header("cookie", &session).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("alice") && text.contains("Sign out"), "{text}");
    // The same name with another token signs differently.
    std::fs::write(directory.path().join("operator"), "alice:another-token\n").unwrap();
    eventually("the session is over", Duration::from_secs(10), async || {
        match status(&app, "/alerts", &session).await {
            303 => Ok(()),
            status => Err(status),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_sent_to_sign_in_and_comes_back_and_may_sign_out() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    let sent = client().get(app.url("/alerts?dispatch_status=held")).send().await.unwrap();
    assert_eq!(sent.headers()["location"], "/login?next=%2Falerts%3Fdispatch_status%3Dheld");
    let form = client().get(app.url(sent.headers()["location"].to_str().unwrap())).send().await.unwrap();
    let form = form.text().await.unwrap();
    assert!(form.contains(r#"name="next" value="/alerts?dispatch_status=held""#), "{form}");
    let elsewhere = sign_in(&app, "operator-token", "//evil.example").await;
    assert_eq!(elsewhere.headers()["location"], "/");
    let out = post(&app, "/logout").header("cookie", session(&elsewhere)).send().await.unwrap();
    assert_eq!((out.status().as_u16(), &out.headers()["location"]), (303, &"/login".parse().unwrap()));
    assert!(cookie(&out).starts_with("poundcake_session=; ") && cookie(&out).contains("Max-Age=0"), "{}", cookie(&out));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_operators_token_signs_in_and_wrong_ones_have_to_wait() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    for token in ["webhook-token", "operator-toke", "", "operator-token\u{1f525}"] {
        let answer = sign_in(&app, token, "/").await;
        assert_eq!(answer.status(), 401, "{token}");
        assert!(answer.headers().get("set-cookie").is_none() && answer.headers().get("www-authenticate").is_none());
        assert!(answer.text().await.unwrap().contains("No operator has this token."));
    }
    for _ in 0..6 {
        assert_eq!(sign_in(&app, "guess", "/").await.status(), 401);
    }
    assert_eq!(sign_in(&app, "guess", "/").await.status(), 429);
    assert_eq!(sign_in(&app, "operator-token", "/").await.status(), 429, "a guess that is right is not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_signs_no_one_in_or_out_and_behind_tls_the_cookie_is_secure() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    for path in ["/login", "/logout"] {
        let refused = post(&app, path).header("sec-fetch-site", "cross-site").body("token=operator-token").send().await;
        let refused = refused.unwrap();
        assert_eq!(refused.status(), 403, "{path}");
        assert!(refused.headers().get("set-cookie").is_none(), "{path}");
    }
    let behind_tls = format!("https://{}", app.address);
    let answer = post(&app, "/login").header("origin", behind_tls).body("token=operator-token").send().await.unwrap();
    assert!(cookie(&answer).ends_with("; Secure"), "{}", cookie(&answer));
    assert!(!cookie(&sign_in(&app, "operator-token", "/").await).contains("Secure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tokens_the_page_is_open_as_the_api_is() {
    let app = App::on(TestDatabase::sqlite());
    assert_eq!(status(&app, "/", "").await, 200);
    let form = client().get(app.url("/login")).send().await.unwrap();
    assert_eq!((form.status().as_u16(), &form.headers()["location"]), (303, &"/".parse().unwrap()));
}
