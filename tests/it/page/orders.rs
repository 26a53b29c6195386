//! Orders from the page: counted first, given with a reason, refused to those who may only read.

use super::person::{Person, and, encoded, hidden};
use crate::{
    harness::{TestDatabase, client, on_both_stores},
    orders::given::{app, held, orders},
    replay::rows::states,
};
use serde_json::json;

on_both_stores! {
    async an_order_over_all_that_match_is_counted_then_given_with_a_reason,
    async an_order_is_refused_when_more_match_and_the_page_comes_back_with_the_number,
    async ticked_rows_and_a_single_alert_are_ordered_by_their_ids,
    async an_approval_is_given_and_refused_from_the_page,
    async a_viewer_sees_no_orders_and_hand_made_ones_are_refused,
    async everything_is_paused_and_resumed_from_the_page,
}

const LIST: &str =
    "/order?order=replay&which=filter&dispatch_status=failed&from=2026-01-01T00:00:00Z&back=%2Falerts%3Frange%3Dall";

async fn an_order_over_all_that_match_is_counted_then_given_with_a_reason(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["failed/rejected", "failed/expired", "held/brake", "pending"]);
    let alice = Person::sign_in(&app, "alice").await;
    let list = alice.page("/alerts?range=all&dispatch_status=failed").await;
    for part in [r#"name="which" value="filter""#, "all <b>2</b> that match", r#"name="order" value="replay""#] {
        assert!(list.contains(part), "{part}: {list}");
    }
    assert!(hidden(&list).contains(&("dispatch_status".to_owned(), "failed".to_owned())), "{list}");
    let asked = alice.page(LIST).await;
    assert!(asked.contains("<h1>Replay 2 alerts?</h1>") && asked.contains(">hosts</td>"), "{asked}");
    assert_eq!(states(&app.database)[0], "failed/rejected 0 0", "nothing is changed by asking");
    // Without a reason it is asked again.
    let answer = alice.post("/order", &hidden(&asked)).await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("Write why"));
    let done = alice.press("/order", &and(hidden(&asked), "why", "StackStorm is <back>")).await;
    assert!(
        done.contains("2 matched, 2 replayed, by alice") && done.contains("StackStorm is &#60;back&#62;"),
        "{done}"
    );
    assert_eq!(states(&app.database)[..2], ["pending/- 1 0", "pending/- 1 0"]);
    let order = &orders(&app).await[0];
    assert_eq!(
        (&order["operator"], &order["method"], &order["path"]),
        (&json!("alice"), &json!("POST"), &json!("/api/v1/replays"))
    );
    assert_eq!((&order["body"]["at_most"], &order["body"]["reason"]), (&json!(2), &json!("StackStorm is <back>")));
}

async fn an_order_is_refused_when_more_match_and_the_page_comes_back_with_the_number(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["failed/rejected", "failed/expired", "pending"]);
    let alice = Person::sign_in(&app, "alice").await;
    let seen = hidden(&alice.page(LIST).await);
    app.database.execute("UPDATE poundcake_alerts SET dispatch_status = 'failed', dispatch_reason = 'expired', next_attempt_at = NULL WHERE id = 3");
    let answer = alice.post("/order", &and(seen.clone(), "why", "they are back")).await;
    assert_eq!(answer.status(), 409);
    let again = answer.text().await.unwrap();
    assert!(
        again.contains("Now 3 alerts match, more than the 2 that you saw") && again.contains("they are back"),
        "{again}"
    );
    assert!(states(&app.database).iter().all(|state| state.starts_with("failed/")), "nothing is changed");
    let done = alice.press("/order", &and(hidden(&again), "why", "they are back")).await;
    assert!(done.contains("3 matched, 3 replayed"), "{done}");
    // An order that does not say how many were seen is none of the page's.
    let blind: Vec<_> = seen.into_iter().filter(|(name, _)| name != "at_most").collect();
    assert_eq!(alice.post("/order", &and(blind, "why", "x")).await.status(), 400);
}

async fn ticked_rows_and_a_single_alert_are_ordered_by_their_ids(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["held/brake", "held/brake", "held/rate", "failed/rejected"]);
    let alice = Person::sign_in(&app, "alice").await;
    let asked = alice.page("/order?order=discard&which=ids&id=1&id=3&dispatch_status=held&back=%2F").await;
    assert!(asked.contains("<h1>Discard 2 alerts?</h1>") && asked.contains("--id 1 --id 3"), "{asked}");
    alice.press("/order", &and(hidden(&asked), "why", "planned")).await;
    assert_eq!(states(&app.database)[..3], ["skipped/discarded 0 0", "held/brake 0 0", "skipped/discarded 0 0"]);
    let (status, text) = alice.get("/order?order=discard&which=ids&back=%2F").await;
    assert!(status == 400 && text.contains("no alert is selected"), "{status} {text}");
    let one = alice.page("/alerts/2").await;
    assert!(
        one.contains(r#"href="/order?order=release&#38;id=2"#) || one.contains("/order?order=release&amp;id=2"),
        "{one}"
    );
    assert!(one.contains(r#"aria-disabled="true""#), "a held alert cannot be replayed: {one}");
    let asked = alice.page("/order?order=release&id=2&back=%2Falerts%2F2").await;
    let done = alice.press("/order", &and(hidden(&asked), "why", "checked")).await;
    assert!(done.contains("1 matched, 1 released") && done.contains("alert 2"), "{done}");
}

async fn an_approval_is_given_and_refused_from_the_page(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["held/approval", "held/approval"]);
    let log = json!([{ "at": chrono::Utc::now().to_rfc3339(), "event": "shown", "digest": "d" }]);
    app.database.execute(&format!("UPDATE poundcake_alerts SET dispatch_log = '{log}'"));
    let alice = Person::sign_in(&app, "alice").await;
    for (id, order, word) in [(1, "approve", "approved"), (2, "reject", "rejected")] {
        let one = alice.page(&format!("/alerts/{id}")).await;
        assert!(one.contains("Approve…") && one.contains("Reject…"), "{one}");
        let asked = alice.page(&format!("/order?order={order}&id={id}&back=%2Falerts%2F{id}")).await;
        let done = alice.press("/order", &and(hidden(&asked), "why", "seen")).await;
        assert!(done.contains(&format!("1 matched, 1 {word}")), "{done}");
    }
    assert_eq!(states(&app.database)[1], "skipped/not_approved 0 0");
    // Of two people the second is told that there is nothing to do.
    assert!(alice.page("/order?order=approve&id=1").await.contains("There is nothing to do"));
}

async fn a_viewer_sees_no_orders_and_hand_made_ones_are_refused(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["failed/rejected"]);
    let before = states(&app.database);
    let (vera, alice) = (Person::sign_in(&app, "vera").await, Person::sign_in(&app, "alice").await);
    for path in ["/", "/alerts?range=all", "/alerts/1"] {
        let text = vera.page(path).await;
        for order in ["Replay…", "Pause everything…", r#"name="order""#] {
            assert!(!text.contains(order), "{path} has {order}");
        }
    }
    let order = and(hidden(&alice.page(LIST).await), "why", "by hand");
    let pause = and(vec![("scope".to_owned(), "everything".to_owned())], "why", "by hand");
    for (path, fields) in
        [("/order", &order), ("/pause", &pause), ("/resume", &vec![("id".to_owned(), "1".to_owned())])]
    {
        assert_eq!(vera.post(path, fields).await.status(), 403, "{path}");
        assert_eq!(vera.get(path).await.0, 403, "{path}");
        // Another site's page with an operator's session, though the cookie's SameSite keeps it away already.
        let foreign = client().post(app.url(path)).bearer_auth("alice-token").header("origin", "https://evil.example");
        assert_eq!(foreign.body(encoded(fields)).send().await.unwrap().status(), 403, "{path}");
        let nobody = client().post(app.url(path)).body(encoded(fields)).send().await.unwrap();
        assert_eq!(
            (nobody.status().as_u16(), &nobody.headers()["location"]),
            (303, &"/login?next=%2F".parse().unwrap())
        );
    }
    assert_eq!(states(&app.database), before);
    assert!(orders(&app).await.is_empty());
}

async fn everything_is_paused_and_resumed_from_the_page(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    let alice = Person::sign_in(&app, "alice").await;
    let fields = |scope: &str, why: &str| {
        let fields = [("scope", scope), ("matchers", "cluster=\"eu1\""), ("for", "15m"), ("why", why), ("back", "/")];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    };
    assert!(alice.page("/").await.contains("No pause, and no brake is on"));
    let refused = alice.post("/pause", &fields("everything", "")).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("give a reason"));
    assert_eq!(alice.post("/pause", &fields("route", "no name")).await.status(), 400);
    let paused = alice.press("/pause", &fields("everything", "power works")).await;
    assert!(paused.contains(">Paused</span>") && paused.contains("by alice, since"), "{paused}");
    let also = alice.press("/pause", &fields("matchers", "cluster moves")).await;
    assert!(also.contains("Alerts with {cluster=&#34;eu1&#34;}"), "{also}");
    let id = also.split("/resume?id=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let asked = alice.page(&format!("/resume?id={id}")).await;
    assert!(asked.contains("power works"), "{asked}");
    let resumed = alice.press("/resume", &and(hidden(&asked), "why", "done early")).await;
    assert!(!resumed.contains("by alice, since 2") && resumed.contains("cluster moves"), "{resumed}");
    assert_eq!(alice.get(&format!("/resume?id={id}")).await.0, 404);
    let kept = orders(&app).await;
    assert_eq!((&kept[0]["method"], &kept[0]["body"]["reason"]), (&json!("DELETE"), &json!("done early")));
}
