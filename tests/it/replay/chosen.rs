//! Which rows an order moves, and what it leaves in them.

use super::rows::{REQUEST, copy_first, discard, insert, log, replay, states};
use crate::{
    harness::{TestDatabase, on_both_stores},
    http_api::app::App,
};
use poundcake::{
    database::{Database, connect::DatabaseUrl},
    model::{ids::AlertId, status::DispatchReason},
    operator::Filter,
    store::operate::{
        author::Author,
        filter::{self, Move},
        moves,
    },
};
use serde_json::{Value, json};

on_both_stores! {
    async each_field_chooses_and_all_of_them_must_hold,
    async a_dry_run_changes_nothing_and_a_run_begins_a_new_generation_that_says_who_and_why,
    async the_log_keeps_the_last_twenty_entries_and_each_cancel_whatever_was_in_it,
    async skipped_alerts_are_replayed_only_by_id_and_invalid_ones_never,
    async waiting_alerts_are_not_replayed_and_dispatched_ones_only_on_request,
    async discarding_takes_what_waits_or_has_failed_and_nothing_that_may_have_run,
    async a_row_that_has_gone_on_since_it_was_chosen_is_left_alone,
    async a_hundred_thousand_rows_are_replayed_by_one_order,
}

async fn each_field_chooses_and_all_of_them_must_hold(database: TestDatabase) {
    let app = App::on(database);
    insert(&app.database, &["failed/rejected", "failed/expired", "skipped/no_route"]);
    app.database.execute("UPDATE poundcake_alerts SET dispatch_target = 'action:a.b', severity = 'low' WHERE id = 2");
    app.database.execute("UPDATE poundcake_alerts SET created_at = '2026-02-01 00:00:00' WHERE id = 3");
    let chosen = async |filter: Value| replay(&app, filter, &["dry_run"]).await.0;
    let other = "01890a5d-ac96-774b-bcce-b302099a8058";
    for (expected, filter) in [
        (2, json!({ "ids": [3, 1, 1, 99] })),
        (0, json!({ "ids": [] })),
        (3, json!({ "request_id": REQUEST })),
        (0, json!({ "request_id": other })),
        (2, json!({ "dispatch_status": "failed" })),
        (0, json!({ "dispatch_status": "pending" })),
        (1, json!({ "reason": "expired" })),
        (1, json!({ "alert_name": "A1" })),
        (0, json!({ "alert_name": "a1" })),
        (1, json!({ "fingerprint": "0000000000000002" })),
        (1, json!({ "severity": "low" })),
        (1, json!({ "target": "action:a.b" })),
        (1, json!({ "from": "2026-02-01T01:00:00+01:00" })),
        (2, json!({ "to": "2026-02-01T00:00:00Z" })),
        (1, json!({ "dispatch_status": "failed", "severity": "page", "to": "2026-02-01T00:00:00Z" })),
        // The older names.
        (1, json!({ "since": "2026-02-01T01:00:00+01:00" })),
        (2, json!({ "until": "2026-02-01T00:00:00Z" })),
        (0, json!({ "reason": "expired", "severity": "page" })),
        (0, json!({ "alert_name": "x' OR '1'='1" })),
    ] {
        assert_eq!(chosen(filter.clone()).await, expected, "{filter}");
    }
}

async fn a_dry_run_changes_nothing_and_a_run_begins_a_new_generation_that_says_who_and_why(database: TestDatabase) {
    let app = App::on(database);
    insert(&app.database, &["failed/rejected", "failed/attempts_exhausted", "dispatched"]);
    app.database.execute(
        "UPDATE poundcake_alerts SET dispatch_attempts = 8, dispatch_error = 'x', attempted_at = '2026-01-01 00:00:00'",
    );
    let before = states(&app.database);
    assert_eq!(replay(&app, json!({ "dispatch_status": "failed" }), &["dry_run"]).await, (2, 0));
    assert_eq!(states(&app.database), before);
    assert_eq!(replay(&app, json!({ "dispatch_status": "failed" }), &[]).await, (2, 2));
    assert_eq!(states(&app.database), ["pending/- 1 0", "pending/- 1 0", "dispatched/- 0 0"]);
    let clean = "dispatch_attempts = 0 AND dispatch_error IS NULL AND attempted_at IS NULL AND claimed_by IS NULL \
                     AND next_attempt_at = pending_at AND pending_at > '2026-02-01 00:00:00'";
    assert_eq!(app.database.count(&format!("poundcake_alerts WHERE id < 3 AND {clean}")), 2);
    let log = log(&app.database, 2);
    assert_eq!(log.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&log[0]["event"], &log[0]["from"], &log[0]["reason"], &log[0]["by"]),
        (
            &json!("replayed"),
            &json!("failed/attempts_exhausted"),
            &json!("fixed the \"route\" 🔥 \u{1}"),
            &json!("no token, from 127.0.0.1")
        )
    );
    assert!(log[0]["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(app.metrics.replays.with_label_values(&["replayed"]).get(), 2);
    assert_eq!(replay(&app, json!({ "dispatch_status": "failed" }), &[]).await, (0, 0));
}

async fn the_log_keeps_the_last_twenty_entries_and_each_cancel_whatever_was_in_it(database: TestDatabase) {
    let app = App::on(database);
    insert(&app.database, &["failed/rejected"]);
    let cancelled = r#"[{"at": "2026-01-01T00:00:00Z", "event": "cancelled", "execution_id": "6b02"}]"#;
    app.database.execute(&format!("UPDATE poundcake_alerts SET dispatch_log = '{cancelled}'"));
    for _ in 0..22 {
        app.database.execute("UPDATE poundcake_alerts SET dispatch_status = 'failed', dispatch_reason = 'rejected'");
        assert_eq!(replay(&app, json!({ "ids": [1] }), &[]).await, (1, 1));
    }
    app.database.execute("UPDATE poundcake_alerts SET dispatch_status = 'failed', dispatch_reason = 'expired'");
    assert_eq!(discard(&app, json!({ "ids": [1] }), &[]).await, (1, 1));
    let log = log(&app.database, 1);
    let events: Vec<&str> = log.as_array().unwrap().iter().filter_map(|entry| entry["event"].as_str()).collect();
    assert_eq!((events.len(), events[0], events[1], events[19]), (20, "cancelled", "replayed", "discarded"));
    assert_eq!(log[19]["from"], "failed/expired");
    assert_eq!(states(&app.database), ["skipped/discarded 22 0"]);
}

async fn skipped_alerts_are_replayed_only_by_id_and_invalid_ones_never(database: TestDatabase) {
    let app = App::on(database);
    let skipped = ["resolved", "repeat", "muted", "invalid", "reopened", "refire_cooldown", "no_rule_matched"];
    insert(&app.database, &skipped.map(|reason| format!("skipped/{reason}")).each_ref().map(String::as_str));
    assert_eq!(replay(&app, json!({ "dispatch_status": "skipped" }), &["dry_run"]).await, (3, 0));
    assert_eq!(replay(&app, json!({ "reason": "repeat" }), &[]).await, (0, 0));
    assert_eq!(replay(&app, json!({ "ids": [1, 2, 3, 4] }), &[]).await, (3, 3));
    let states = states(&app.database);
    assert_eq!(states[..4], ["pending/- 1 0", "pending/- 1 0", "pending/- 1 0", "skipped/invalid 0 0"]);
}

async fn waiting_alerts_are_not_replayed_and_dispatched_ones_only_on_request(database: TestDatabase) {
    let app = App::on(database);
    insert(&app.database, &["pending", "queued", "dispatching", "awaiting_execution", "dispatched"]);
    let all = json!({ "request_id": REQUEST });
    assert_eq!(replay(&app, all.clone(), &[]).await, (0, 0));
    assert_eq!(replay(&app, all, &["include_dispatched"]).await, (1, 1));
    assert_eq!(states(&app.database)[4], "pending/- 1 0");
}

async fn discarding_takes_what_waits_or_has_failed_and_nothing_that_may_have_run(database: TestDatabase) {
    let app = App::on(database);
    insert(
        &app.database,
        &[
            "pending",
            "queued",
            "failed/rejected",
            "failed/uncertain",
            "pending",
            "dispatching",
            "dispatched",
            "skipped/no_route",
        ],
    );
    app.database.execute("UPDATE poundcake_alerts SET dispatch_uncertain = 1 WHERE id = 5");
    let before = states(&app.database);
    assert_eq!(discard(&app, json!({ "request_id": REQUEST }), &["dry_run"]).await, (3, 0));
    assert_eq!(states(&app.database), before);
    assert_eq!(discard(&app, json!({ "request_id": REQUEST }), &[]).await, (3, 3));
    let expected = ["skipped/discarded 0 0", "skipped/discarded 0 0", "skipped/discarded 0 0"];
    let after = states(&app.database);
    assert_eq!(after[..3], expected);
    assert_eq!(after[3..], before[3..]);
    assert_eq!(
        app.database.count("poundcake_alerts WHERE dispatch_reason = 'discarded' AND next_attempt_at IS NULL"),
        3
    );
    assert_eq!(log(&app.database, 2)[0]["from"], "queued/-");
    assert_eq!(app.metrics.replays.with_label_values(&["discarded"]).get(), 3);
    assert_eq!(replay(&app, json!({ "reason": "discarded" }), &[]).await, (3, 3));
}

async fn a_row_that_has_gone_on_since_it_was_chosen_is_left_alone(database: TestDatabase) {
    let app = App::on(database);
    insert(&app.database, &["dispatched", "failed/rejected", "failed/rejected", "pending"]);
    let store = Database::new(DatabaseUrl::parse(&app.database.url()).unwrap(), 1);
    let move_those = |filter: &Filter, what: Move, between: &str| {
        let chosen = store.run_blocking(|conn| filter::choose(conn, filter, what)).unwrap();
        app.database.execute(between);
        let author = Author { by: "a".to_owned(), reason: "b".to_owned() };
        let moved = store.run_blocking(|conn| moves::move_rows(conn, &chosen, filter, what, &author)).unwrap();
        (chosen.len(), moved)
    };
    let replay = Move::Replay { include_dispatched: true, accept_unknown: false };
    let named = |id: i64| Filter { ids: Some(vec![AlertId(id)]), ..Filter::default() };
    // Another operator's replay of it has run already.
    let ran = "UPDATE poundcake_alerts SET dispatch_generation = 1 WHERE id = 1";
    assert_eq!(move_those(&named(1), replay, ran), (1, 0));
    let retried = "UPDATE poundcake_alerts SET dispatch_status = 'pending', next_attempt_at = created_at WHERE id = 2";
    assert_eq!(move_those(&named(2), replay, retried), (1, 0));
    let rejected = Filter { reason: Some(DispatchReason::Rejected), ..Filter::default() };
    let expired = "UPDATE poundcake_alerts SET dispatch_reason = 'expired' WHERE id = 3";
    assert_eq!(move_those(&rejected, replay, expired), (1, 0));
    let claimed = "UPDATE poundcake_alerts SET dispatch_status = 'dispatching' WHERE id = 4";
    assert_eq!(move_those(&named(4), Move::Discard, claimed), (1, 0));
}

async fn a_hundred_thousand_rows_are_replayed_by_one_order(database: TestDatabase) {
    let app = App::on(database);
    insert(&app.database, &["failed/rejected"]);
    copy_first(&app.database, 100_000);
    assert_eq!(replay(&app, json!({ "dispatch_status": "failed" }), &["dry_run"]).await, (100_000, 0));
    assert_eq!(replay(&app, json!({ "dispatch_status": "failed" }), &[]).await, (100_000, 100_000));
    let pending = "poundcake_alerts WHERE dispatch_status = 'pending' AND dispatch_generation = 1";
    assert_eq!(app.database.count(pending), 100_000);
}
