//! Pages: what filters choose, and that following `next` shows each row once whatever comes in meanwhile.

use super::rows::{EXECUTION, REQUEST, fill, fill_executions, nth};
use crate::{
    harness::{TestDatabase, client, on_both_stores},
    http_api::app::App,
};
use serde_json::Value;

on_both_stores! {
    async pages_show_each_row_once_newest_first_also_rows_of_the_same_time,
    async the_pages_of_one_fingerprint_are_in_the_same_order_whichever_episodes_are_closed,
    async the_pages_of_one_state_are_in_the_same_order_whenever_its_rows_are_due,
    async rows_that_come_in_between_two_pages_neither_repeat_nor_hide_others,
    async every_filter_chooses_what_it_says,
    async executions_are_listed_with_what_stackstorms_tables_know,
}

/// The ids (or whatever `key` names) of all pages, in order.
async fn walk(app: &App, path: &str, list: &str, key: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut next = Value::Null;
    loop {
        let after = next.as_str().map(|next| format!("&next={next}")).unwrap_or_default();
        let (status, page) = app.get(&format!("{path}{after}")).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(page[list].as_array().unwrap().iter().map(|row| row[key].to_string().replace('"', "")));
        next = page["next"].clone();
        if next.is_null() {
            return seen;
        }
    }
}

async fn pages_show_each_row_once_newest_first_also_rows_of_the_same_time(database: TestDatabase) {
    let app = App::on(database);
    fill(&app.database);
    for limit in [1, 2, 3, 10, 500] {
        let alerts = walk(&app, &format!("/api/v1/alerts?limit={limit}"), "alerts", "id").await;
        assert_eq!(alerts, ["10", "9", "8", "7", "6", "5", "4", "3", "2", "1"]);
        let requests = walk(&app, &format!("/api/v1/requests?limit={limit}"), "requests", "request_id").await;
        assert_eq!(requests, (1..=10).rev().map(|n| nth(REQUEST, n)).collect::<Vec<_>>());
        let executions =
            walk(&app, &format!("/api/v1/executions?limit={limit}"), "executions", "st2_execution_id").await;
        assert_eq!(executions, [9, 7, 5, 3, 1].map(|n| nth(EXECUTION, n)));
    }
}

async fn the_pages_of_one_fingerprint_are_in_the_same_order_whichever_episodes_are_closed(database: TestDatabase) {
    let app = App::on(database);
    fill(&app.database);
    app.database.execute("UPDATE poundcake_alerts SET fingerprint = '00000000000000ff' WHERE id <> 3");
    // Closed in another order than they were stored in.
    app.database.execute("UPDATE poundcake_alerts SET closed_at = '2026-11-21' WHERE id IN (1, 5, 8)");
    app.database.execute("UPDATE poundcake_alerts SET closed_at = '2026-11-22' WHERE id IN (4, 9)");
    for limit in [1, 2, 3, 4, 500] {
        let path = format!("/api/v1/alerts?fingerprint=00000000000000ff&limit={limit}");
        assert_eq!(walk(&app, &path, "alerts", "id").await, ["10", "9", "8", "7", "6", "5", "4", "2", "1"]);
        let closed_and_open = walk(&app, &format!("{path}&dispatch_status=skipped"), "alerts", "id").await;
        assert_eq!(closed_and_open, ["8", "6", "4", "2"]);
    }
}

async fn the_pages_of_one_state_are_in_the_same_order_whenever_its_rows_are_due(database: TestDatabase) {
    let app = App::on(database);
    fill(&app.database);
    // Due in another order than they were stored in; 4 and 5 are of the same time.
    for (id, due) in [(1, 3), (3, 1), (4, 2), (5, 4), (8, 1), (9, 0)] {
        app.database.execute(&format!(
                "UPDATE poundcake_alerts SET dispatch_status = 'pending', next_attempt_at = '2026-11-2{due} 00:00:00' WHERE id = {id}"
            ));
    }
    for limit in [1, 2, 3, 4, 500] {
        let pages =
            async |query: &str| walk(&app, &format!("/api/v1/alerts?limit={limit}&{query}"), "alerts", "id").await;
        assert_eq!(pages("dispatch_status=pending").await, ["9", "8", "5", "4", "3", "1"]);
        assert_eq!(pages("dispatch_status=pending&target=action:core.noop").await, ["9", "5", "3", "1"]);
        assert_eq!(pages("dispatch_status=skipped").await, ["6", "2"]);
    }
}

async fn rows_that_come_in_between_two_pages_neither_repeat_nor_hide_others(database: TestDatabase) {
    let app = App::on(database);
    fill(&app.database);
    let (_, first) = app.get("/api/v1/alerts?limit=4").await;
    app.accept(r#"{"alerts":[{"status":"firing","labels":{"alertname":"New"}}]}"#).await;
    let next = first["next"].as_str().unwrap();
    let (_, page) = app.get(&format!("/api/v1/alerts?limit=6&next={next}")).await;
    let ids: Vec<i64> = page["alerts"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert_eq!((ids, &page["next"]), (vec![6, 5, 4, 3, 2, 1], &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_header_leads_to_the_next_page_with_the_same_filter() {
    let app = App::on(TestDatabase::sqlite());
    fill(&app.database);
    let first = client().get(app.url("/api/v1/alerts?severity=page&limit=9")).send().await.unwrap();
    let link = first.headers()["link"].to_str().unwrap().to_owned();
    let path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
    let (status, page) = app.get(path).await;
    assert_eq!((status, page["alerts"].as_array().unwrap().len()), (200, 1), "{link}");
    assert!(path.contains("severity=page") && path.contains("limit=9"), "{path}");
    let last = client().get(app.url(path)).send().await.unwrap();
    assert!(last.headers().get("link").is_none());
}

async fn every_filter_chooses_what_it_says(database: TestDatabase) {
    let app = App::on(database);
    fill(&app.database);
    let second = nth(REQUEST, 2);
    for (filter, expected) in [
        ("dispatch_status=failed", "10"),
        ("reason=repeat", "8 6 4 2"),
        ("alert_name=A1", "9 7 5 3 1"),
        ("alert_name=a1", ""),
        ("fingerprint=0000000000000002", "8 5 2"),
        ("severity=page&instance=db7", "7"),
        ("severity=", ""),
        ("status=resolved", ""),
        ("target=action:core.noop&fingerprint=0000000000000001", "7 1"),
        (&format!("request_id={second}"), "2"),
        (&format!("request_id={second}&dispatch_status=failed"), ""),
        ("request_id=01890a5d-ac96-774b-bcce-b302099a8057", ""),
        ("from=2026-11-20T10:00:09Z", "10 9"),
        ("to=2026-11-20T11:00:03%2B01:00", "2 1"),
        ("from=2026-11-20T10:00:04Z&to=2026-11-20T10:00:04.000001Z", "5 4"),
        ("from=0000-01-01T00:00:00Z&to=2026-11-20T10:00:60Z&alert_name=A1", "9 7 5 3 1"),
    ] {
        let ids = walk(&app, &format!("/api/v1/alerts?limit=2&{filter}"), "alerts", "id").await;
        assert_eq!(ids.join(" "), expected, "{filter} on {}", app.database.url());
    }
    for (filter, expected) in [("status_code=202", 10), ("status_code=400", 0), ("client_request_id=x", 0)] {
        let ids = walk(&app, &format!("/api/v1/requests?{filter}"), "requests", "request_id").await;
        assert_eq!(ids.len(), expected, "{filter}");
    }
    let (_, page) = app.get(&format!("/api/v1/requests?request_id={second}")).await;
    assert_eq!(page["requests"][0]["alerts"], serde_json::json!({ "skipped": 1 }));
}

async fn executions_are_listed_with_what_stackstorms_tables_know(database: TestDatabase) {
    let app = App::on(database);
    fill(&app.database);
    fill_executions(&app.database);
    let (_, page) = app.get("/api/v1/executions?limit=2").await;
    assert_eq!(page["execution_db"]["available"], true);
    let [ninth, seventh] = &page["executions"].as_array().unwrap()[..] else { panic!("{page}") };
    assert_eq!(ninth["execution"], Value::Null, "linked, and not in execution_db yet");
    assert_eq!((&seventh["execution"]["status"], &seventh["alert_id"]), (&"running".into(), &7.into()));
    assert!(seventh["execution"].get("result").is_none(), "lists are short");
    for (filter, expected) in [
        ("status=succeeded", vec![5, 1]),
        ("status=succeeded&limit=1", vec![5, 1]),
        ("status=failed", vec![3]),
        ("status=timeout", vec![]),
        ("alert_id=7", vec![7]),
        ("action=core.noop&from=2026-11-20T10:00:04Z", vec![9, 7, 5]),
        ("action=core.none", vec![]),
    ] {
        let found = walk(&app, &format!("/api/v1/executions?{filter}"), "executions", "st2_execution_id").await;
        assert_eq!(found, expected.into_iter().map(|n| nth(EXECUTION, n)).collect::<Vec<_>>(), "{filter}");
    }
}
