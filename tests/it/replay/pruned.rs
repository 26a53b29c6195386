//! What prune deletes, and what it must keep.

use super::rows::{copy_first, insert, webhook};
use crate::{
    harness::{TestDatabase, on_both_stores},
    http_api::app::App,
};
use chrono::TimeDelta;
use poundcake::{
    database::{Database, connect::DatabaseUrl},
    operator::{Pruned, prune},
};

on_both_stores! {
    async only_settled_rows_that_are_old_go_with_their_links_and_webhooks_and_an_open_episode_keeps_its_opener,
    async more_than_one_window_goes_and_a_webhook_whose_alerts_are_all_gone_goes_too,
    async a_row_with_a_time_in_the_future_blocks_no_other,
}

const OTHER: &str = "01890a5d-ac96-774b-bcce-b302099a8058";
const YOUNG: &str = "01890a5d-ac96-774b-bcce-b302099a8059";

fn store(app: &App) -> Database {
    Database::new(DatabaseUrl::parse(&app.database.url()).unwrap(), 2)
}

fn ids(app: &App) -> Vec<String> {
    app.database.lines("SELECT alert_name AS value FROM poundcake_alerts ORDER BY id")
}

async fn only_settled_rows_that_are_old_go_with_their_links_and_webhooks_and_an_open_episode_keeps_its_opener(
    database: TestDatabase,
) {
    let app = App::on(database);
    let (db, now) = (&app.database, poundcake::clock::utc_now().format("%Y-%m-%d %H:%M:%S").to_string());
    insert(
        db,
        &[
            "dispatched",         // 1: opener, closed
            "skipped/repeat",     // 2: its follower
            "dispatched",         // 3: opener of an episode that is open
            "skipped/repeat",     // 4: its follower, of weeks ago
            "skipped/muted",      // 5: alone
            "pending",            // 6: not settled
            "awaiting_execution", // 7: not settled
            "failed/rejected",    // 8: opener, closed, changed just now
            "failed/rejected",    // 9: opener, closed
            "skipped/repeat",     // 10: follower of one that is gone
            "dispatched",         // 11: opener, closed just now
            "skipped/repeat",     // 12: follower of 3, of just now
            "queued",             // 13: follower of 3, replayed
        ],
    );
    let closed = "closed_at = '2026-01-02 00:00:00'";
    db.execute(&format!("UPDATE poundcake_alerts SET {closed} WHERE id IN (1, 8, 9)"));
    db.execute("UPDATE poundcake_alerts SET open_fingerprint = fingerprint WHERE id IN (3, 6, 7)");
    db.execute("UPDATE poundcake_alerts SET opened_by = 1 WHERE id = 2");
    db.execute("UPDATE poundcake_alerts SET opened_by = 3 WHERE id IN (4, 12, 13)");
    db.execute(&format!("UPDATE poundcake_alerts SET created_at = '{now}', updated_at = '{now}' WHERE id = 12"));
    db.execute("UPDATE poundcake_alerts SET opened_by = 9999 WHERE id = 10");
    db.execute(&format!("UPDATE poundcake_alerts SET updated_at = '{now}' WHERE id = 8"));
    db.execute(&format!("UPDATE poundcake_alerts SET closed_at = '{now}' WHERE id = 11"));
    webhook(db, OTHER, "2026-01-03 00:00:00");
    webhook(db, YOUNG, &now);
    db.execute(
        "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, created_at) \
             SELECT 'x', id, '65a1b2c3d4e5f60718293a4b', created_at FROM poundcake_alerts WHERE id IN (1, 3)",
    );
    let expected = Pruned { alerts: 6, links: 1, requests: 1 };
    let ninety_days = TimeDelta::days(90);
    assert_eq!(prune(&store(&app), ninety_days, true).await.unwrap(), expected, "a dry run counts the same");
    assert_eq!(ids(&app).len(), 13);
    assert_eq!(prune(&store(&app), ninety_days, false).await.unwrap(), expected);
    assert_eq!(ids(&app), ["A3", "A6", "A7", "A8", "A11", "A12", "A13"]);
    assert_eq!(db.count("poundcake_st2_execution_link"), 1);
    assert_eq!(db.count(&format!("poundcake_api_calls WHERE request_id = '{OTHER}'")), 0);
    assert_eq!(prune(&store(&app), ninety_days, false).await.unwrap(), Pruned::default());
}

async fn more_than_one_window_goes_and_a_webhook_whose_alerts_are_all_gone_goes_too(database: TestDatabase) {
    let app = App::on(database);
    insert(&app.database, &["skipped/muted"]);
    copy_first(&app.database, 2_048);
    let expected = Pruned { alerts: 2_048, links: 0, requests: 1 };
    assert_eq!(prune(&store(&app), TimeDelta::days(90), true).await.unwrap(), expected);
    assert_eq!(prune(&store(&app), TimeDelta::days(90), false).await.unwrap(), expected);
    assert_eq!(app.database.count("poundcake_alerts") + app.database.count("poundcake_api_calls WHERE id > 0"), 0);
}

/// What one row is dated does not end the pass for those behind it.
async fn a_row_with_a_time_in_the_future_blocks_no_other(database: TestDatabase) {
    let app = App::on(database);
    insert(&app.database, &["skipped/muted", "skipped/muted", "skipped/muted"]);
    webhook(&app.database, OTHER, "2026-01-03 00:00:00");
    app.database.execute("UPDATE poundcake_alerts SET created_at = '2999-01-01 00:00:00' WHERE id = 1");
    app.database.execute("UPDATE poundcake_api_calls SET created_at = '2999-01-01 00:00:00' WHERE id = 1");
    let expected = Pruned { alerts: 2, links: 0, requests: 1 };
    assert_eq!(prune(&store(&app), TimeDelta::days(90), false).await.unwrap(), expected);
    assert_eq!(ids(&app), ["A1"]);
}
