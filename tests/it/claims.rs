//! Claims and records that are written twice, because the answer to a COMMIT never came.

use crate::harness::{SOON, TestDatabase, eventually, incoming, intake, on_both_stores};
use chrono::TimeDelta;
use poundcake::{
    database::connection::AnyConnection,
    model::{
        doubt::Doubt,
        episode::EpisodePolicy,
        guards::step::{ClaimStep, Routed},
        ids::AlertId,
        plan::Arrival,
        target::{ActionRef, Target},
    },
    store::{
        dispatch::{
            claim::{self, ClaimPolicy, ClaimRequest, Claimable, Claimed},
            links::Link,
            record::{self, Authority, Record, Recorded},
            release::{self, Release},
        },
        ingest::webhooks::Batch,
    },
};
use std::time::Duration;

on_both_stores! {
    rows_of_an_unanswered_claim_are_released_unchanged_and_can_be_claimed_at_once,
    a_claim_is_silent_until_an_answer_shows_that_the_call_is_over_and_a_lookup_changes_nothing,
    few_links_and_many_are_written_whole,
    an_execution_is_recorded_once_however_often_it_is_written,
}

pub(super) const LEASE: Duration = Duration::from_mins(2);

/// A connection to a database with one pending alert; its id is 1.
pub(super) fn with_one(database: &TestDatabase) -> AnyConnection {
    let mut conn = database.store(2).connect().expect("a connection");
    let policy = EpisodePolicy { refire_cooldown: Duration::ZERO, several_sources: false };
    Batch::new(vec![intake(vec![Arrival::Alert(incoming("HostDown", true, 1))])])
        .store(&mut conn, &policy)
        .expect("stored");
    conn
}

pub(super) const REQUESTS: [ClaimRequest; 1] = [ClaimRequest { alert_id: AlertId(1), generation: 0 }];

fn claim(conn: &mut AnyConnection, token: &str) -> Vec<Claimed> {
    claim::claim(conn, &REQUESTS, token, &ClaimPolicy { lease: LEASE, step: &started }).expect("a claim").claimed
}

/// What a claim does with a row whose route has no guards.
pub(super) fn started(_: Claimable<'_>) -> ClaimStep {
    let target = Target::Action(ActionRef::parse("core.noop").expect("a ref"));
    ClaimStep::Start(Routed { route: "route 1".to_owned(), target, guard_target: None })
}

/// Status, token, uncertainty and attempts of the row.
pub(super) fn row(database: &TestDatabase) -> Vec<String> {
    let columns = ["dispatch_status", "COALESCE(claimed_by, '-')", "dispatch_uncertain", "dispatch_attempts"];
    let read = |column: &&str| {
        database.lines(&format!("SELECT CAST({column} AS CHAR) AS value FROM poundcake_alerts WHERE id = 1"))
    };
    columns.iter().flat_map(read).collect()
}

fn rows_of_an_unanswered_claim_are_released_unchanged_and_can_be_claimed_at_once(database: TestDatabase) {
    let mut conn = with_one(&database);

    assert_eq!(claim(&mut conn, "lost-1").len(), 1);
    assert_eq!(row(&database), ["dispatching", "lost-1", "1", "1"]);
    assert_eq!(release::disclaim(&mut conn, "another", LEASE).expect("asked"), 0, "not that claim's");
    assert_eq!(release::disclaim(&mut conn, "lost-1", LEASE).expect("given back"), 1);
    assert_eq!(row(&database), ["pending", "-", "0", "0"], "nothing was posted, so nothing is uncertain");

    // One that no route takes was not marked, and is as certain as before.
    let nowhere = ClaimPolicy { lease: LEASE, step: &|_: Claimable<'_>| ClaimStep::NoRoute };
    assert_eq!(claim::claim(&mut conn, &REQUESTS, "lost-0", &nowhere).expect("a claim").claimed.len(), 1);
    assert_eq!(release::disclaim(&mut conn, "lost-0", LEASE).expect("given back"), 1);
    assert_eq!(row(&database), ["pending", "-", "0", "0"]);

    // One that was uncertain before the claim stays so.
    assert_eq!(claim(&mut conn, "posted").len(), 1);
    assert!(release::release(&mut conn, AlertId(1), "posted", &given_back(Doubt::Over)).expect("released"));
    let again = claim(&mut conn, "lost-2");
    assert!(again[0].alert.dispatch_uncertain);
    assert_eq!(release::disclaim(&mut conn, "lost-2", LEASE).expect("given back"), 1);
    assert_eq!(row(&database), ["pending", "-", "1", "1"]);
}

fn silent(database: &TestDatabase) -> i64 {
    database.count("poundcake_alerts WHERE dispatch_silent")
}

fn given_back(doubt: Doubt) -> Release {
    Release {
        due_in: TimeDelta::zero(),
        doubt,
        give_back_attempt: false,
        settling_since: None,
        cause: None,
        waived: None,
    }
}

/// If a dispatcher dies, it is not known whether the call of its claim is over.
fn a_claim_is_silent_until_an_answer_shows_that_the_call_is_over_and_a_lookup_changes_nothing(database: TestDatabase) {
    let mut conn = with_one(&database);
    let mut give_back = |token: &str, doubt| {
        assert_eq!(claim(&mut conn, token).len(), 1);
        let during = silent(&database);
        assert!(release::release(&mut conn, AlertId(1), token, &given_back(doubt)).expect("released"));
        (during, silent(&database))
    };
    assert_eq!(give_back("posts", Doubt::Over), (1, 0));
    assert_eq!(give_back("looks", Doubt::AsBefore), (0, 0), "this claim made no call");
    assert_eq!(give_back("settles", Doubt::None), (0, 0));
    assert_eq!(give_back("posts again", Doubt::Silent), (1, 1));
    assert_eq!(give_back("looks again", Doubt::AsBefore), (1, 1));
}

fn record(claimed: &Claimed, execution: &str) -> Record {
    Record {
        alert_id: claimed.alert.id,
        request_id: claimed.request_id,
        authority: Authority::Claim(claimed.token.clone()),
        links: vec![Link { execution_id: execution.to_owned(), rule_ref: None, action_ref: None }],
        start: claimed.link_start(),
        log: None,
    }
}

/// INSERTs of few links stay prepared, those of many do not: both write whatever a link has.
fn few_links_and_many_are_written_whole(database: TestDatabase) {
    let mut conn = with_one(&database);
    let claimed = claim(&mut conn, "mine").pop().expect("claimed");
    let mut written = Vec::new();
    for count in [1, 32, 33, 32, 1] {
        let link = |n: usize| Link {
            execution_id: format!("{count}-{}-{n}", written.len()),
            rule_ref: None,
            action_ref: (n % 2 == 1).then(|| "core.noop".to_owned()),
        };
        let links: Vec<Link> = (0..count).map(link).collect();
        written.extend(
            links.iter().map(|link| format!("{} {}", link.execution_id, link.action_ref.as_deref().unwrap_or("-"))),
        );
        // The first is the usual way; those after it find the row settled.
        record::record(&mut conn, &[Record { links, ..record(&claimed, "") }]).expect("recorded");
    }
    let found = database.lines(&format!(
            "SELECT CONCAT(st2_execution_id, ' ', COALESCE(st2_action_ref, '-')) AS value FROM poundcake_st2_execution_link \
             WHERE alert_id = 1 AND request_id = '{}' AND st2_rule_ref IS NULL ORDER BY id",
            claimed.request_id
        ));
    assert_eq!(found, written);
}

fn an_execution_is_recorded_once_however_often_it_is_written(database: TestDatabase) {
    let mut conn = with_one(&database);
    let claimed = claim(&mut conn, "mine").pop().expect("claimed");
    let mut write = |execution: &str| record::record(&mut conn, &[record(&claimed, execution)]).expect("written");

    // Somebody has linked it already, and the row is still held.
    database.execute(&format!(
        "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, created_at) \
             VALUES ('{}', 1, 'ran', '2026-11-22')",
        claimed.request_id
    ));
    assert_eq!(write("ran"), [Recorded::Dispatched]);
    assert_eq!(row(&database), ["dispatched", "-", "0", "1"]);
    assert_eq!(write("ran"), [Recorded::Known], "the answer never came, so it is written again");
    assert_eq!(database.count("poundcake_st2_execution_link"), 1);
    assert_eq!(write("ran-too"), [Recorded::Surplus], "it exists, so it is linked");
    assert_eq!(database.count("poundcake_st2_execution_link"), 2);
}

/// On Galera a transaction can be applied between the two reads of a claim: what can be claimed, and what is not here yet. Here a
/// row becomes claimable while the first read waits for another row.
#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_a_claim_looks_is_claimed() {
    let database = TestDatabase::mariadb();
    let mut conn = database.store(2).connect().expect("a connection");
    let policy = EpisodePolicy { refire_cooldown: Duration::ZERO, several_sources: false };
    for number in [1, 2] {
        let alert = incoming(&format!("HostDown{number}"), true, number);
        Batch::new(vec![intake(vec![Arrival::Alert(alert)])]).store(&mut conn, &policy).expect("stored");
    }
    database
        .execute("UPDATE poundcake_alerts SET dispatch_status = 'failed', dispatch_reason = 'rejected' WHERE id = 1");
    let second = database.locked("SELECT id FROM poundcake_alerts WHERE id = 2 FOR UPDATE");
    let claims = tokio::task::spawn_blocking(move || {
        let requests = [(1, 1), (2, 0)].map(|(id, generation)| ClaimRequest { alert_id: AlertId(id), generation });
        claim::claim(&mut conn, &requests, "mine", &ClaimPolicy { lease: LEASE, step: &started }).expect("a claim")
    });
    eventually("the claim waits for the second row", SOON, async || {
        let waits = "information_schema.INNODB_TRX JOIN information_schema.PROCESSLIST ON ID = trx_mysql_thread_id \
                     WHERE DB = DATABASE() AND trx_state = 'LOCK WAIT'";
        if database.count(waits) == 1 { Ok(()) } else { Err("it does not") }
    })
    .await;
    database.execute(
        "UPDATE poundcake_alerts SET dispatch_status = 'queued', dispatch_reason = NULL, dispatch_generation = 1 WHERE id = 1",
    );
    drop(second);
    let claims = claims.await.expect("it ends");
    let mut claimed: Vec<i64> = claims.claimed.iter().map(|claimed| claimed.alert.id.0).collect();
    claimed.sort_unstable();
    assert_eq!((claimed, claims.absent), (vec![1, 2], vec![]));
}
