//! Rows that cannot be read: each flow names them, puts them off, and goes on with the others. None is dropped, and nothing
//! is made up for what they do not say.

use crate::{
    claims::started,
    harness::{TestDatabase, on_both_stores},
    replay::rows,
};
use poundcake::{
    database::connection::AnyConnection,
    model::{ids::AlertId, status::DispatchStatus},
    store::{
        dispatch::{
            awaiting,
            claim::{self, ClaimPolicy, ClaimRequest, Claimable},
            due,
        },
        unreadable,
    },
};
use std::time::Duration;

on_both_stores! {
    the_relay_publishes_the_others,
    the_resolver_takes_the_others,
    a_claim_takes_the_others_and_routes_nothing_by_labels_that_it_could_not_read,
}

/// What is wrong with the first of two rows, and what it says then.
const WRONG: [(&str, &str); 4] = [
    (
        "UPDATE poundcake_api_calls SET request_id = '{{ 1 }}' WHERE id = 1",
        "request_id of its webhook, poundcake_api_calls row 1,",
    ),
    ("UPDATE poundcake_alerts SET labels = '[]' WHERE id = 1", "labels is not a JSON object of texts: "),
    (
        "UPDATE poundcake_alerts SET annotations = '{\"a\":1}' WHERE id = 1",
        "annotations is not a JSON object of texts: ",
    ),
    (
        "UPDATE poundcake_alerts SET dispatch_uncertain = 1, dispatch_target = 'nowhere' WHERE id = 1",
        "dispatch_target: \"nowhere\" is not a dispatch target",
    ),
];

/// Two rows of one state, each with its own webhook.
fn two(database: &TestDatabase, state: &str) -> AnyConnection {
    let conn = database.store(1).connect().expect("a connection");
    rows::insert(database, &[state, state]);
    rows::webhook(database, "req-2", "2026-01-01 00:00:00");
    database.execute("UPDATE poundcake_alerts SET api_call_id = 2 WHERE id = 2");
    conn
}

/// The first row waits, says why, and doctor knows.
fn is_named(database: &TestDatabase, conn: &mut AnyConnection, state: &str, why: &str) {
    let row = format!("poundcake_alerts WHERE id = 1 AND dispatch_status = '{state}' AND claimed_by IS NULL");
    assert_eq!(database.count(&row), 1, "{why}");
    let error = database.lines("SELECT dispatch_error AS value FROM poundcake_alerts WHERE id = 1");
    assert!(error[0].starts_with(&format!("this row cannot be read: {why}")), "{error:?}");
    let marked = unreadable::marked(conn).expect("what doctor asks");
    assert_eq!((marked.rows, marked.first.map(|first| first.alert_id)), (1, Some(AlertId(1))));
    let first = due::take(conn, state.parse().expect("a state"), 10).expect("a look");
    assert!(first.due.iter().all(|due| due.alert_id != AlertId(1)), "it is not looked at again at once");
}

fn the_relay_publishes_the_others(database: TestDatabase) {
    let (change, why) = WRONG[0];
    for status in [DispatchStatus::Pending, DispatchStatus::Queued] {
        let database = database.another();
        let mut conn = two(&database, status.as_str());
        database.execute(change);
        let taken = due::take(&mut conn, status, 10).expect("a look");
        assert_eq!((taken.looked_at, taken.due.len(), taken.due[0].alert_id), (2, 1, AlertId(2)));
        is_named(&database, &mut conn, status.as_str(), why);
    }
}

fn the_resolver_takes_the_others(database: TestDatabase) {
    for (change, why) in [WRONG[0], WRONG[1]] {
        let database = database.another();
        let mut conn = two(&database, "awaiting_execution");
        database.execute(change);
        let taken = awaiting::take(&mut conn, 10).expect("a look");
        assert_eq!(taken.iter().map(|row| row.alert_id).collect::<Vec<_>>(), [AlertId(2)], "{why}");
        is_named(&database, &mut conn, "awaiting_execution", why);
        assert!(awaiting::take(&mut conn, 10).expect("a look").iter().all(|row| row.alert_id == AlertId(2)));
    }
}

fn a_claim_takes_the_others_and_routes_nothing_by_labels_that_it_could_not_read(database: TestDatabase) {
    for (change, why) in WRONG {
        let database = database.another();
        let mut conn = two(&database, "queued");
        database.execute(change);
        let step = |row: Claimable<'_>| {
            assert_eq!(row.alert.id, AlertId(2), "{why}");
            started(row)
        };
        let requests = [1, 2].map(|alert_id| ClaimRequest { alert_id: AlertId(alert_id), generation: 0 });
        let policy = ClaimPolicy { lease: Duration::from_mins(2), step: &step };
        let claimed = claim::claim(&mut conn, &requests, "token", &policy).expect("a claim").claimed;
        assert_eq!(claimed.iter().map(|claimed| claimed.alert.id).collect::<Vec<_>>(), [AlertId(2)], "{why}");
        is_named(&database, &mut conn, "queued", why);
    }
}
