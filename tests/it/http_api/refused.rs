//! What is no webhook is said to be none, and stored.

use super::app::{App, WEBHOOK, problem, settings};
use crate::harness::{TestDatabase, client, on_both_stores};
use poundcake::config::HttpSettings;
use std::io::Write;

on_both_stores! {
    async a_body_that_is_no_webhook_is_400_with_a_reason_and_one_row,
    async a_body_above_the_limit_is_read_to_its_end_and_413_names_the_limit,
    async a_packed_webhook_is_unpacked_and_stored_as_text_and_so_is_one_behind_a_byte_order_mark,
}

async fn a_body_that_is_no_webhook_is_400_with_a_reason_and_one_row(database: TestDatabase) {
    let app = App::on(database);
    let deep_array = "[".repeat(10_000) + &"]".repeat(10_000);
    let cases: [(&[u8], &str); 14] = [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"hello", "not JSON"),
        (b"{", "not JSON"),
        (br#"{"alerts":[}"#, "not JSON"),
        (br#"{"alerts":[]} trailing"#, "not JSON"),
        (b"\xFF\xFE{\x00}", "UTF-8"),
        (b"{\x00}", "not JSON"),
        (br#"[{"labels":{"alertname":"A"}}]"#, "Prometheus was pointed straight"),
        (deep_array.as_bytes(), "Prometheus was pointed straight"),
        (br"{}", "no `alerts`"),
        (br#"{"alerts":null}"#, "null"),
        (br#"{"alerts":{"a":1}}"#, "not a list"),
        (br#"{"text":"a custom payload"}"#, "remove `payload`"),
    ];
    for (body, expected) in &cases {
        let answer = problem(app.post(body.to_vec()).await, 400).await;
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{detail}");
        let request_id = answer["request_id"].as_str().unwrap();
        let row = format!("poundcake_api_calls WHERE request_id = '{request_id}' AND status_code = 400");
        assert_eq!(app.database.count(&row), 1);
        let (status, history) = app.get(&format!("/api/v1/requests/{request_id}")).await;
        assert_eq!((status, history["body"].as_str().unwrap()), (200, &*String::from_utf8_lossy(body)));
    }
    assert_eq!(app.database.count("poundcake_alerts"), 0);
    assert_eq!(app.webhooks("400"), 14);
}

async fn a_body_above_the_limit_is_read_to_its_end_and_413_names_the_limit(database: TestDatabase) {
    let app = App::on(database);
    let answer = problem(app.post(vec![b' '; 33 << 20]).await, 413).await;
    let detail = answer["detail"].as_str().unwrap();
    assert!(detail.contains("33554432 bytes") && detail.contains("POUNDCAKE_MAX_BODY_BYTES"), "{detail}");
    assert_eq!(app.database.count("poundcake_api_calls WHERE status_code = 413 AND body = ''"), 1);
    assert_eq!(app.webhooks("413"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_the_last_size_that_is_taken() {
    let webhook = r#"{"alerts":[]}"#;
    let max_body_bytes = webhook.len();
    let app = App::with(TestDatabase::sqlite(), &HttpSettings { max_body_bytes, ..settings() }).unwrap();
    assert_eq!(app.accept(webhook).await["alerts_received"], 0);
    problem(app.post(format!("{webhook} ")).await, 413).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_type_is_not_looked_at_and_a_content_encoding_that_is_not_known_is_refused() {
    let app = App::on(TestDatabase::sqlite());
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "\u{b0}"] {
        let request = client().post(app.url(WEBHOOK)).header("content-type", content_type.as_bytes());
        assert_eq!(request.body(r#"{"alerts":[]}"#).send().await.unwrap().status().as_u16(), 202, "{content_type}");
    }
    for encoding in ["br", "zstd", "gzip, gzip"] {
        let request = client().post(app.url(WEBHOOK)).header("content-encoding", encoding).body("x");
        let answer = problem(request.send().await.unwrap(), 415).await;
        assert!(answer["detail"].as_str().unwrap().contains("gzip or deflate"), "{answer}");
    }
    assert_eq!(app.database.count("poundcake_api_calls WHERE status_code = 415 AND body = ''"), 3);
    let request = client().post(app.url(WEBHOOK)).header("content-encoding", "identity").body(r#"{"alerts":[]}"#);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 202);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn a_packed_webhook_is_unpacked_and_stored_as_text_and_so_is_one_behind_a_byte_order_mark(
    database: TestDatabase,
) {
    let webhook = r#"{"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}"#;
    let marked = format!("\u{FEFF}{webhook}");
    let cases = [
        ("gzip", gzip(webhook.as_bytes())),
        ("GZIP", gzip(marked.as_bytes())),
        ("deflate", deflate(webhook.as_bytes())),
        ("identity", marked.into_bytes()),
    ];
    let app = App::on(database);
    for (encoding, body) in &cases {
        let request = client().post(app.url(WEBHOOK)).header("content-encoding", *encoding).body(body.clone());
        let answer = request.send().await.unwrap();
        let (status, answer) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(status, 202, "{encoding}: {answer}");
    }
    assert_eq!(app.database.count(&format!("poundcake_api_calls WHERE body = '{webhook}'")), 4);
    assert_eq!(app.database.count("poundcake_alerts"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_body_that_unpacks_beyond_the_limit_is_413_and_one_that_is_not_packed_is_400() {
    let app = App::on(TestDatabase::sqlite());
    let send = async |body: Vec<u8>| {
        let request = client().post(app.url(WEBHOOK)).header("content-encoding", "gzip");
        request.body(body).send().await.unwrap()
    };
    // 64 MiB of blanks in 64 KiB.
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 1 << 17);
    let answer = problem(send(bomb).await, 413).await;
    assert!(answer["detail"].as_str().unwrap().contains("33554432 bytes"), "{answer}");
    let answer = problem(send(br#"{"alerts":[]}"#.to_vec()).await, 400).await;
    assert!(answer["detail"].as_str().unwrap().contains("Content-Encoding"), "{answer}");
    assert_eq!(app.database.count("poundcake_api_calls WHERE status_code IN (400, 413) AND body = ''"), 2);
    assert_eq!((app.webhooks("413"), app.webhooks("400")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_wherever_get_is_with_the_same_status_and_length_and_no_body() {
    let app = App::on(TestDatabase::sqlite());
    let gets = poundcake::http::all_routes().filter(|route| route.method == "GET" && !route.path.contains('{'));
    // Without tokens it sends to the first page.
    let gets = gets.filter(|route| route.path != "/login");
    // An order that is not named, and a server without a doctor.
    let expected = |path: &str| match path {
        "/order" | "/resume" => 400,
        "/doctor" => 503,
        _ => 200,
    };
    for path in gets.map(|route| route.path) {
        let get = client().get(app.url(path)).send().await.unwrap();
        let head = client().head(app.url(path)).send().await.unwrap();
        assert_eq!((head.status(), head.status().as_u16()), (get.status(), expected(path)), "{path}");
        for header in ["content-type", "cache-control"] {
            assert_eq!(head.headers()[header], get.headers()[header], "{path}");
        }
        assert!(head.headers().contains_key("content-length"), "{path}");
        assert_eq!(head.bytes().await.unwrap().len(), 0, "{path}");
    }
    assert_eq!(client().head(app.url("/api/v1/secrets")).send().await.unwrap().status().as_u16(), 404);
    assert_eq!(client().head(app.url(WEBHOOK)).send().await.unwrap().status().as_u16(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_405_with_allow_and_another_path_is_404() {
    let app = App::on(TestDatabase::sqlite());
    let response = client().get(app.url(WEBHOOK)).send().await.unwrap();
    assert_eq!(response.headers()["allow"], "POST");
    problem(response, 405).await;
    let response = client().delete(app.url("/livez")).send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, HEAD");
    problem(response, 405).await;
    problem(client().get(app.url("/api/v1/secrets")).send().await.unwrap(), 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_store_is_503_so_that_alertmanager_tries_again() {
    let app = App::on(TestDatabase::sqlite());
    app.database.execute("ALTER TABLE poundcake_alerts RENAME TO away");
    let alert = r#"{"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}"#;
    let response = app.post(alert).await;
    assert_eq!(response.headers()["retry-after"], "1");
    problem(response, 503).await;
    app.database.execute("ALTER TABLE away RENAME TO poundcake_alerts");
    assert_eq!(app.accept(alert).await["alerts_pending"], 1);
    assert_eq!((app.webhooks("503"), app.webhooks("202")), (1, 1));
    assert_eq!(app.database.count("poundcake_api_calls WHERE id > 0"), 1);
}
