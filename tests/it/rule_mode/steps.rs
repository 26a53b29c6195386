//! The steps of a row in doubt, one by one, on both stores.

use crate::{
    claims::{LEASE, REQUESTS, row, with_one},
    harness::{TestDatabase, on_both_stores},
};
use chrono::TimeDelta;
use poundcake::{
    clock,
    database::connection::AnyConnection,
    model::{
        doubt::Doubt,
        guards::step::{ClaimStep, Routed},
        ids::AlertId,
        status::{DispatchReason, DispatchStatus},
        target::{Target, WebhookName},
    },
    store::dispatch::{
        awaiting::{self, Awaiting, RulesEnd},
        claim::{self, ClaimPolicy, Claimable, Claimed},
        dispatch_log::{Entry, POST_AGAIN},
        links::Link,
        release::{self, Watch},
    },
};

on_both_stores! {
    a_webhook_in_doubt_is_posted_again_only_once_for_each_settle_time,
    a_second_post_that_was_not_made_is_given_back_and_the_deadline_counts_from_the_first,
    an_unanswered_claim_of_a_webhook_in_doubt_leaves_it_in_doubt,
    an_alert_that_has_ended_is_not_moved_back,
    a_row_that_ends_keeps_the_executions_that_were_left_however_often_it_is_written,
}

fn claim(conn: &mut AnyConnection, token: &str) -> Claimed {
    let step = |_: Claimable<'_>| {
        let target = Target::Webhook(WebhookName::parse("hook").expect("a name"));
        ClaimStep::Start(Routed { route: "route 1".to_owned(), target, guard_target: None })
    };
    let claimed = claim::claim(conn, &REQUESTS, token, &ClaimPolicy { lease: LEASE, step: &step });
    claimed.expect("a claim").claimed.pop().expect("claimed")
}

/// The POST's answer never came; the resolver looks at once.
fn watch(posted_at: Option<chrono::NaiveDateTime>) -> Watch {
    Watch { look_in: -TimeDelta::seconds(1), doubt: Doubt::Over, posted_at, cause: None }
}

fn take(conn: &mut AnyConnection) -> Awaiting {
    awaiting::take(conn, 10).expect("taken").pop().expect("a row")
}

/// In doubt, and looked at once.
fn in_doubt(conn: &mut AnyConnection) -> Awaiting {
    claim(conn, "first");
    assert!(release::await_execution(conn, AlertId(1), "first", &watch(None)).expect("written"));
    take(conn)
}

fn due(database: &TestDatabase) {
    database.execute("UPDATE poundcake_alerts SET next_attempt_at = '2026-11-22 01:00:00' WHERE id = 1");
}

fn entry() -> Entry {
    Entry::new(clock::utc_now(), POST_AGAIN)
}

/// In doubt, settled, and moved back to be posted again.
fn marked(conn: &mut AnyConnection, database: &TestDatabase) -> Awaiting {
    let looked = in_doubt(conn);
    awaiting::settling(conn, &looked, Some(looked.taken_at), Some(TimeDelta::zero())).expect("written");
    due(database);
    let settled = take(conn);
    assert_eq!(settled.settling_since, Some(looked.taken_at));
    assert!(awaiting::post_again(conn, &settled, &entry()).expect("moved"));
    settled
}

fn a_webhook_in_doubt_is_posted_again_only_once_for_each_settle_time(database: TestDatabase) {
    let mut conn = with_one(&database);
    let looked = in_doubt(&mut conn);
    assert!(!awaiting::post_again(&mut conn, &looked, &entry()).expect("asked"), "it has not settled");
    assert_eq!(row(&database), ["awaiting_execution", "-", "1", "1"]);

    awaiting::settling(&mut conn, &looked, Some(looked.taken_at), None).expect("written");
    due(&database);
    let settled = take(&mut conn);
    assert!(awaiting::post_again(&mut conn, &settled, &entry()).expect("moved"));
    assert_eq!(row(&database), ["pending", "-", "1", "1"], "still uncertain");
    assert!(!awaiting::post_again(&mut conn, &settled, &entry()).expect("asked"), "it was moved already");

    let second = claim(&mut conn, "second");
    assert!(second.may_be_posted_again());
    assert_eq!(row(&database), ["dispatching", "second", "1", "2"]);
    assert_eq!(database.count("poundcake_alerts WHERE settling_since IS NULL AND dispatch_silent = 1"), 1);

    // Its dispatcher died: the next one that claims it watches.
    database.execute("UPDATE poundcake_alerts SET dispatch_status = 'pending', claimed_by = NULL WHERE id = 1");
    due(&database);
    assert!(!claim(&mut conn, "third").may_be_posted_again());
    assert_eq!(row(&database), ["dispatching", "third", "1", "2"], "no attempt was counted");
}

fn a_second_post_that_was_not_made_is_given_back_and_the_deadline_counts_from_the_first(database: TestDatabase) {
    let mut conn = with_one(&database);
    let settled = marked(&mut conn, &database);
    let second = claim(&mut conn, "second");
    assert_eq!(second.alert.attempted_at, Some(settled.posted_at));
    let unposted = watch(second.alert.attempted_at);
    assert!(release::await_execution(&mut conn, AlertId(1), "second", &unposted).expect("written"));
    assert_eq!(row(&database), ["awaiting_execution", "-", "1", "1"]);
    let looked = take(&mut conn);
    assert_eq!((looked.posted_at, looked.settling_since), (settled.posted_at, None));
}

fn an_unanswered_claim_of_a_webhook_in_doubt_leaves_it_in_doubt(database: TestDatabase) {
    let mut conn = with_one(&database);
    marked(&mut conn, &database);
    claim(&mut conn, "lost");
    assert_eq!(release::disclaim(&mut conn, "lost", LEASE).expect("given back"), 1);
    assert_eq!(row(&database), ["pending", "-", "1", "1"], "the first POST may have arrived");
    assert!(!claim(&mut conn, "next").may_be_posted_again());
}

fn an_alert_that_has_ended_is_not_moved_back(database: TestDatabase) {
    let mut conn = with_one(&database);
    let looked = in_doubt(&mut conn);
    awaiting::settling(&mut conn, &looked, Some(looked.taken_at), None).expect("written");
    let end = "open_fingerprint = NULL, closed_at = '2099-01-01 00:00:00'";
    database.execute(&format!("UPDATE poundcake_alerts SET {end} WHERE id = 1"));
    assert!(!awaiting::post_again(&mut conn, &looked, &entry()).expect("asked"));
    assert_eq!(row(&database), ["awaiting_execution", "-", "1", "1"]);
}

fn a_row_that_ends_keeps_the_executions_that_were_left_however_often_it_is_written(database: TestDatabase) {
    let mut conn = with_one(&database);
    let looked = in_doubt(&mut conn);
    let link = Link {
        execution_id: "left".to_owned(),
        rule_ref: Some("pack.rule".to_owned()),
        action_ref: Some("pack.action".to_owned()),
    };
    let end = RulesEnd {
        status: DispatchStatus::Failed,
        reason: DispatchReason::RuleFailed,
        error: "pack.rule: broken".to_owned(),
        links: vec![link],
        rules: Some("pack.rule".to_owned()),
        log: Some(Entry::new(clock::utc_now(), "seen")),
    };
    assert!(awaiting::end(&mut conn, &looked, &end).expect("ended"));
    assert!(!awaiting::end(&mut conn, &looked, &end).expect("asked"), "the answer never came, so it is written again");
    assert_eq!(row(&database), ["failed", "-", "0", "1"]);
    assert_eq!(database.count("poundcake_st2_execution_link WHERE st2_rule_ref = 'pack.rule'"), 1);
    assert_eq!(
        database.count("poundcake_alerts WHERE st2_rule_matched = 'pack.rule' AND dispatch_log LIKE '%seen%'"),
        1
    );
}
