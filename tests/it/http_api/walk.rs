//! Every route with every kind of caller. A new route needs a row here.

use super::app::{App, problem, with_tokens};
use crate::harness::{TestDatabase, client};
use poundcake::http::all_routes;
use reqwest::{Client, Response};
use std::net::Ipv4Addr;

/// Who calls: with no token, a wrong one, a webhook's, a viewer's, an operator's, and with the session of a viewer, an
/// operator, and one that no server of ours has signed.
type Statuses = [u16; 8];

/// Open to all.
const OPEN: Statuses = [200; 8];
/// The API for those who read, and for those who give orders; `x` is what those get who may.
const fn read(x: u16) -> Statuses {
    [401, 401, 403, x, x, 401, 401, 401]
}
const fn order(x: u16) -> Statuses {
    [401, 401, 403, 403, x, 401, 401, 401]
}
/// The same of the page: who is not signed in is sent to where one signs in.
const fn see(x: u16) -> Statuses {
    [303, 303, 403, x, x, x, x, 303]
}
const fn act(x: u16) -> Statuses {
    [303, 303, 403, 403, x, 403, x, 303]
}

/// The server has no rows, no doctor and no tables of StackStorm; the body is a webhook, so it is no order and no form.
const TABLE: [(&str, &str, Statuses); 46] = [
    ("GET", "/livez", OPEN),
    ("GET", "/readyz", OPEN),
    ("GET", "/metrics", OPEN),
    ("POST", "/api/v1/webhook", [401, 401, 202, 401, 401, 401, 401, 401]),
    ("POST", "/api/v1/webhook/", [401, 401, 202, 401, 401, 401, 401, 401]),
    ("GET", "/api/v1/requests", read(200)),
    ("GET", "/api/v1/requests/{request_id}", read(404)),
    ("GET", "/api/v1/alerts", read(200)),
    ("GET", "/api/v1/alerts/{id}", read(404)),
    ("GET", "/api/v1/executions", read(200)),
    ("GET", "/api/v1/executions/{st2_execution_id}", read(503)),
    ("GET", "/api/v1/stats", read(200)),
    ("GET", "/api/v1/openapi.json", read(200)),
    ("GET", "/api/v1/orders", read(200)),
    ("POST", "/api/v1/replays", order(400)),
    ("POST", "/api/v1/discards", order(400)),
    ("POST", "/api/v1/releases", order(400)),
    ("POST", "/api/v1/approvals", order(400)),
    ("GET", "/api/v1/guards", read(200)),
    ("GET", "/api/v1/processes", read(200)),
    ("GET", "/api/v1/pauses", read(200)),
    ("POST", "/api/v1/pauses", order(400)),
    ("DELETE", "/api/v1/pauses/{id}", order(404)),
    ("GET", "/", see(200)),
    ("GET", "/alerts", see(200)),
    ("GET", "/alerts/{id}", see(404)),
    ("GET", "/order", act(400)),
    ("POST", "/order", act(400)),
    ("GET", "/pause", act(200)),
    ("POST", "/pause", act(400)),
    ("GET", "/resume", act(400)),
    ("POST", "/resume", act(400)),
    ("GET", "/routes", see(200)),
    ("GET", "/approvals", see(200)),
    ("GET", "/doctor", see(503)),
    ("GET", "/audit", see(200)),
    ("GET", "/requests/{request_id}", see(404)),
    ("GET", "/executions", see(200)),
    ("GET", "/executions/{st2_execution_id}", see(503)),
    ("GET", "/stats", see(200)),
    ("GET", "/login", OPEN),
    // The form has no token.
    ("POST", "/login", [401; 8]),
    ("POST", "/logout", [303; 8]),
    ("GET", "/page/style.css", OPEN),
    ("GET", "/page/page.js", OPEN),
    ("GET", "/page/icon.svg", OPEN),
];

const BODY: &str = r#"{"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}"#;

/// Each route has an address of its own on loopback: wrong tokens are counted by address.
fn client_of(index: usize) -> Client {
    drop(client()); // chooses rustls' provider
    let address = Ipv4Addr::new(127, 0, 1, u8::try_from(index + 1).unwrap());
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.local_address(std::net::IpAddr::from(address)).build().unwrap()
}

async fn session(app: &App, token: &str) -> String {
    let signed_in = client().post(app.url("/login")).body(format!("token={token}")).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[test]
fn the_table_has_every_route() {
    let routes: Vec<(&str, &str)> = all_routes().map(|route| (route.method, route.path)).collect();
    let table: Vec<(&str, &str)> = TABLE.iter().map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(table, routes);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_every_kind_of_caller_as_the_table_says() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(TestDatabase::sqlite(), &with_tokens(&directory)).unwrap();
    let (viewer, operator) = (session(&app, "viewer-token").await, session(&app, "operator-token").await);
    let forged = format!("{operator}A");
    for (index, (method, route, expected)) in TABLE.into_iter().enumerate() {
        let path = route.replace("{request_id}", "01890a5d-ac96-774b-bcce-b302099a8057").replace("{id}", "999");
        let path = path.replace("{st2_execution_id}", "6b0264acac6a4b12e50e28d7");
        let client = client_of(index);
        let request = || client.request(method.parse().unwrap(), app.url(&path)).body(BODY);
        let bare = request().send().await.unwrap();
        let mut seen = vec![bare.status().as_u16()];
        has_the_headers_of_all(&bare, route);
        let tokens = ["webhook-toke", "webhook-token", "viewer-token", "operator-token"];
        let with_tokens = tokens.iter().map(|token| request().bearer_auth(token));
        let with_sessions = [&viewer, &operator, &forged].map(|session| request().header("cookie", session));
        for request in with_tokens.chain(with_sessions) {
            seen.push(request.send().await.unwrap().status().as_u16());
        }
        assert_eq!(seen, expected, "{method} {route}");
        if bare.status() == 303 && route != "/logout" {
            assert!(bare.headers()["location"].to_str().unwrap().starts_with("/login?next=%2F"), "{route}");
        } else if bare.status() == 401 && route != "/login" {
            assert_eq!(bare.headers()["www-authenticate"], r#"Bearer, Basic realm="poundcake""#);
            problem(bare, 401).await;
        }
    }
    assert_eq!((app.webhooks("401"), app.webhooks("202")), (14, 2));
    assert_eq!(app.database.count("poundcake_api_calls WHERE id > 0"), 2, "no one else has changed anything");
}

fn has_the_headers_of_all(answer: &Response, route: &str) {
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{route}");
    let kept = if route.starts_with("/page/") { "no-cache" } else { "no-store" };
    assert_eq!(answer.headers()["cache-control"], kept, "{route}");
    assert!(answer.headers().get("access-control-allow-origin").is_none(), "{route}");
}
