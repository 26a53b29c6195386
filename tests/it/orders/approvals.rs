//! Approvals: exactly what was shown, once.

use super::given::{LATER, app, column, held, order};
use crate::{
    harness::{TestDatabase, on_both_stores},
    replay::rows::{log, states},
};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

on_both_stores! {
    async an_approval_covers_what_was_shown_last_and_waiting_for_it_is_no_age,
    async of_two_people_who_approve_one_alert_the_second_moves_none,
    async a_rejected_alert_is_skipped_and_says_who_and_why,
}

/// Shows something for approval an hour ago; the older digest is no longer what is shown.
fn show(database: &TestDatabase, id: i64, digest: &str) {
    let at = |minutes: i64| (Utc::now() - Duration::minutes(minutes)).to_rfc3339();
    let log = json!([
        { "at": at(90), "event": "shown", "digest": "older" },
        { "at": at(60), "event": "shown", "detail": "action:core.local", "digest": digest },
        { "at": at(30), "event": "lookup" }
    ]);
    database.execute(&format!("UPDATE poundcake_alerts SET dispatch_log = '{log}' WHERE id = {id}"));
}

async fn an_approval_covers_what_was_shown_last_and_waiting_for_it_is_no_age(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["held/approval", "held/approval", "held/paused", "held/approval", "held/approval"]);
    for id in [1, 2, 3, 5] {
        show(&app.database, id, &format!("digest {id}"));
    }
    // Its time is over: it expires.
    app.database.execute("UPDATE poundcake_alerts SET next_attempt_at = '2026-01-01 00:00:00' WHERE id = 5");
    let approve = json!({ "filter": { "ids": [1, 3, 4, 5] }, "approve": true, "reason": "seen" });
    let answer = order(&app, "alice", "approvals", &approve).await;
    assert_eq!(answer, json!({ "matched": 2, "approved": 1 }), "row 4 shows nothing");
    let waived = column(&app.database, "dispatch_waived");
    assert_eq!(waived[1..], ["NULL", "NULL", "NULL", "NULL"]);
    let waived: Value = serde_json::from_str(&waived[0]).unwrap();
    assert_eq!(waived["approval"], "digest 1");
    let age_from: DateTime<Utc> = waived["age_from"].as_str().unwrap().parse().unwrap();
    let counted = age_from - "2026-01-01T00:58:00Z".parse::<DateTime<Utc>>().unwrap();
    assert!(counted >= Duration::minutes(59) && counted < Duration::minutes(70), "{counted}");
    assert_eq!(app.database.count(&format!("poundcake_alerts WHERE id = 1 AND next_attempt_at < '{LATER}'")), 1);
    let entry = log(&app.database, 1).as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&entry["event"], &entry["by"], &entry["reason"]),
        (&json!("approved"), &json!("alice"), &json!("seen"))
    );
    let again = json!({ "filter": { "ids": [1] }, "approve": true, "reason": "seen" });
    assert_eq!(order(&app, "bob", "approvals", &again).await, json!({ "matched": 0, "approved": 0 }));
    // It is asked again: what is to be sent has changed.
    show(&app.database, 1, "another digest");
    app.database.execute(&format!("UPDATE poundcake_alerts SET next_attempt_at = '{LATER}' WHERE id = 1"));
    assert_eq!(order(&app, "bob", "approvals", &again).await, json!({ "matched": 1, "approved": 1 }));
    let waived: Value = serde_json::from_str(&column(&app.database, "dispatch_waived")[0]).unwrap();
    assert_eq!(waived["approval"], "another digest");
}

async fn of_two_people_who_approve_one_alert_the_second_moves_none(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["held/approval"; 10]);
    for id in 1..=10 {
        show(&app.database, id, "digest");
    }
    let approve = json!({ "filter": { "route": "hosts" }, "approve": true, "reason": "seen" });
    let (alice, bob) =
        tokio::join!(order(&app, "alice", "approvals", &approve), order(&app, "bob", "approvals", &approve));
    let approved = |answer: &Value| answer["approved"].as_u64().unwrap();
    assert_eq!(approved(&alice) + approved(&bob), 10, "{alice} {bob}");
    for id in 1..=10 {
        let log = log(&app.database, id);
        let times = log.as_array().unwrap().iter().filter(|entry| entry["event"] == "approved").count();
        assert_eq!(times, 1, "{log}");
    }
}

async fn a_rejected_alert_is_skipped_and_says_who_and_why(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["held/approval", "held/brake", "pending"]);
    let reject = json!({ "filter": { "route": "hosts" }, "approve": false, "reason": "not tonight" });
    assert_eq!(order(&app, "alice", "approvals", &reject).await, json!({ "matched": 1, "rejected": 1 }));
    assert_eq!(states(&app.database), ["skipped/not_approved 0 0", "held/brake 0 0", "pending/- 0 0"]);
    let entry = log(&app.database, 1)[0].clone();
    assert_eq!(
        (&entry["event"], &entry["by"], &entry["reason"], &entry["from"]),
        (&json!("not_approved"), &json!("alice"), &json!("not tonight"), &json!("held/approval"))
    );
    assert_eq!(app.database.count("poundcake_alerts WHERE id = 1 AND next_attempt_at IS NULL"), 1);
    let approve = json!({ "filter": { "ids": [1] }, "approve": true, "reason": "seen" });
    assert_eq!(order(&app, "bob", "approvals", &approve).await, json!({ "matched": 0, "approved": 0 }));
}
