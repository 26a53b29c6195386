//! Who may call what.

use super::app::{App, WEBHOOK, problem, settings, with_tokens};
use crate::harness::{TestDatabase, client, eventually};
use poundcake::{
    config::{HttpSettings, ListenAddress},
    database::{Database, connect::DatabaseUrl},
    http::{Access, Parts, Role, all_routes, serve},
    metrics::Metrics,
};
use reqwest::RequestBuilder;
use std::{net::SocketAddr, time::Duration};
use tokio_util::sync::CancellationToken;

const BODY: &str = r#"{"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}"#;

fn request(app: &App, method: &str, path: &str) -> RequestBuilder {
    let path = path.replace("{request_id}", "01890a5d-ac96-774b-bcce-b302099a8057").replace("{id}", "999");
    let path = path.replace("{st2_execution_id}", "6b0264acac6a4b12e50e28d7");
    client().request(method.parse().unwrap(), app.url(&path)).body(BODY)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_but_the_public_ones_answers_401_without_a_token() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    let mut walked = 0;
    for route in all_routes() {
        let path = route.path;
        let status = async |request: RequestBuilder| request.send().await.unwrap().status().as_u16();
        let bare = request(&app, route.method, path).send().await.unwrap();
        assert_eq!(bare.headers()["x-content-type-options"], "nosniff", "{path}");
        let kept = if path.starts_with("/page/") { "no-cache" } else { "no-store" };
        assert_eq!(bare.headers()["cache-control"], kept, "{path}");
        assert!(bare.headers().get("access-control-allow-origin").is_none(), "{path}");
        let wrong = status(request(&app, route.method, path).bearer_auth("webhook-toke")).await;
        let sender = status(request(&app, route.method, path).bearer_auth("webhook-token")).await;
        let operator = status(request(&app, route.method, path).bearer_auth("operator-token")).await;
        let viewer = status(request(&app, route.method, path).bearer_auth("viewer-token")).await;
        let seen = (bare.status().as_u16(), wrong, sender, operator);
        match route.access {
            // The body never has a token.
            Access::Public if (route.method, path) == ("POST", "/login") => {
                assert_eq!((seen, viewer), ((401, 401, 401, 401), 401));
            }
            Access::Public if path == "/logout" => assert_eq!((seen, viewer), ((303, 303, 303, 303), 303)),
            Access::Public => assert_eq!((seen, viewer), ((200, 200, 200, 200), 200), "{path}"),
            Access::Webhook => assert_eq!((seen, viewer), ((401, 401, 202, 401), 401), "{path}"),
            // A viewer gives no orders, whatever they are.
            Access::Operator => assert_eq!(viewer, 403, "{path}"),
            Access::Viewer => assert_eq!(viewer, operator, "{path}"),
        }
        match route.access {
            Access::Public | Access::Webhook => {}
            // A person is sent to where one signs in.
            _ if route.page => {
                // An order without its fields is none; this server has no doctor.
                let nothing =
                    [("/order", 400), ("/resume", 400), ("/pause", if route.method == "POST" { 400 } else { 200 })];
                let ids = [("{id}", 404), ("{request_id}", 404), ("{st2_execution_id}", 503), ("/doctor", 503)];
                let found = [&nothing[..], &ids].concat();
                let found = found.iter().find(|(end, _)| path.ends_with(end)).map_or(200, |(_, status)| *status);
                assert_eq!(seen, (303, 303, 403, found), "{path}");
            }
            // Let in, and the body is no order.
            Access::Operator if route.method == "POST" => assert_eq!(seen, (401, 401, 403, 400), "{path}"),
            // Let in, and there is no such row; one execution cannot be told from none without StackStorm's tables.
            Access::Viewer if path.ends_with("{st2_execution_id}") => {
                assert_eq!(seen, (401, 401, 403, 503), "{path}");
            }
            Access::Viewer | Access::Operator if path.ends_with('}') => {
                assert_eq!(seen, (401, 401, 403, 404), "{path}");
            }
            Access::Viewer | Access::Operator => assert_eq!(seen, (401, 401, 403, 200), "{path}"),
        }
        if route.access != Access::Public && route.page {
            assert!(bare.headers()["location"].to_str().unwrap().starts_with("/login?next=%2F"), "{path}");
        } else if route.access != Access::Public {
            assert_eq!(bare.headers()["www-authenticate"], r#"Bearer, Basic realm="poundcake""#);
            problem(bare, 401).await;
        }
        walked += 1;
    }
    assert!(walked >= 6);
    assert_eq!((app.webhooks("401"), app.webhooks("202")), (8, 2));
    assert_eq!(app.database.count("poundcake_api_calls WHERE id > 0"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bearer_and_basic_both_get_in_and_only_the_wrong_ones_do_not() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    let post = || request(&app, "POST", WEBHOOK);
    let tries = [
        (202, post().bearer_auth("webhook-token")),
        (202, post().basic_auth("am", Some("webhook-token"))),
        (401, post().basic_auth("alice", Some("webhook-token"))),
        (401, post().basic_auth("am", Some("operator-token"))),
        (401, post().header("authorization", "Custom webhook-token")),
        (401, post().query(&[("token", "webhook-token")])),
    ];
    for (expected, request) in tries {
        assert_eq!(request.send().await.unwrap().status().as_u16(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_rotated_by_rewriting_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    let post =
        async |token: &str| request(&app, "POST", WEBHOOK).bearer_auth(token).send().await.unwrap().status().as_u16();
    let file = directory.path().join("webhook");
    std::fs::write(&file, "am:webhook-token\nam:next-token\n").unwrap();
    eventually("the new token gets in", Duration::from_secs(10), async || match post("next-token").await {
        202 => Ok(()),
        status => Err(status),
    })
    .await;
    assert_eq!(post("webhook-token").await, 202);
    std::fs::write(&file, "am:next-token\n").unwrap();
    eventually("the old one does not any more", Duration::from_secs(10), async || match post("webhook-token").await {
        401 => Ok(()),
        status => Err(status),
    })
    .await;
    assert_eq!(post("next-token").await, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_others_can_reach_is_refused_without_both_tokens_files() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = with_tokens(&directory);
    let listen = || ListenAddress::from(SocketAddr::from(([0, 0, 0, 0], 0)));
    let refused =
        |settings: HttpSettings| App::with(TestDatabase::sqlite(), &settings).err().expect("not started").to_string();
    let none = refused(HttpSettings { listen: listen(), ..settings() });
    assert!(none.contains("POUNDCAKE_WEBHOOK_TOKENS_FILE and POUNDCAKE_OPERATOR_TOKENS_FILE"), "{none}");
    let one = refused(HttpSettings { listen: listen(), operator_tokens_file: None, ..tokens.clone() });
    assert!(one.contains("set POUNDCAKE_OPERATOR_TOKENS_FILE to"), "{one}");
    let app = App::with(TestDatabase::sqlite(), &HttpSettings { listen: listen(), ..tokens }).unwrap();
    assert!(app.address.port() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_for_probes_needs_no_tokens_and_has_nothing_but_them() {
    let database = TestDatabase::sqlite();
    let store = Database::new(DatabaseUrl::parse(&database.url()).unwrap(), 2);
    let (stop, metrics) = (CancellationToken::new(), Metrics::new().unwrap());
    let listener = super::app::listener(&SocketAddr::from(([0, 0, 0, 0], 0)).into());
    let address = listener.addresses()[0];
    let server = serve(&settings(), Role::Probes, listener, Parts { store, metrics, stop: stop.clone() }).unwrap();
    let running = tokio::spawn(server);
    for (path, expected) in [("/livez", 200), ("/readyz", 200), ("/metrics", 200), (WEBHOOK, 404)] {
        let url = format!("http://127.0.0.1:{}{path}", address.port());
        assert_eq!(client().get(url).send().await.unwrap().status().as_u16(), expected, "{path}");
    }
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_of_another_origin_changes_nothing() {
    let app = App::on(TestDatabase::sqlite());
    for path in
        [WEBHOOK, "/api/v1/replays", "/api/v1/discards", "/api/v1/releases", "/api/v1/approvals", "/api/v1/pauses"]
    {
        let posted = request(&app, "POST", path).header("origin", "http://evil.example").send().await.unwrap();
        problem(posted, 403).await;
    }
    assert_eq!(app.database.count("poundcake_api_calls WHERE id > 0"), 0);
    let posted = request(&app, "POST", WEBHOOK).header("origin", app.url("")).send().await.unwrap();
    assert_eq!(posted.status(), 202);
}
