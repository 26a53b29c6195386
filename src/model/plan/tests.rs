//! Compares the fold with a table of rows that is searched again for every alert.

mod ledger;
mod properties;

use super::*;
use crate::model::status::AlertStatus;
use ledger::{Ledger, alert, at};
use std::time::Duration;

const POLICY: EpisodePolicy = EpisodePolicy { refire_cooldown: Duration::from_mins(10), several_sources: false };

fn firing(start: i64) -> Arrival {
    Arrival::Alert(alert(0, AlertStatus::Firing, Some(start), None))
}

fn resolved(end: i64) -> Arrival {
    Arrival::Alert(alert(0, AlertStatus::Resolved, None, Some(end)))
}

fn fold_alone(arrivals: &[Arrival]) -> Plan {
    fold(arrivals, HashMap::new(), &POLICY, at(0))
}

#[test]
fn the_webhooks_of_a_batch_are_one_sequence() {
    let plan = fold_alone(&[firing(100), firing(100), resolved(110), resolved(110)]);
    let closed = Role::Opener { closed: true };
    let taken_back = RowFate { was_pending: true, ..RowFate::skipped(DispatchReason::ResolvedBeforeDispatch, closed) };
    let follower = Role::Follower(OpenerRef::New(0));
    let rows = [
        taken_back,
        RowFate::skipped(DispatchReason::Repeat, follower),
        RowFate::skipped(DispatchReason::Resolved, follower),
        RowFate::skipped(DispatchReason::Resolved, Role::Alone),
    ];
    assert_eq!(plan.rows, rows);
    assert_eq!(plan.openers, BTreeMap::new());
}

#[test]
fn an_alert_that_fires_again_within_the_batch_opens_a_new_episode() {
    let plan = fold_alone(&[firing(100), resolved(110), firing(100)]);
    assert!(!plan.rows[0].is_open());
    assert_eq!(plan.rows[2], RowFate::pending());
}

#[test]
fn muted_and_invalid_alerts_open_and_follow_nothing() {
    let Arrival::Alert(muted) = firing(100) else { unreachable!() };
    let invalid = InvalidAlert { error: "labels: missing".to_owned() };
    let plan =
        fold_alone(&[Arrival::Muted(muted.clone()), Arrival::Invalid(invalid), firing(100), Arrival::Muted(muted)]);
    let reasons: Vec<_> = plan.rows.iter().map(|row| (row.dispatch_reason, row.role)).collect();
    assert_eq!(reasons[0], (Some(DispatchReason::Muted), Role::Alone));
    assert_eq!(reasons[1], (Some(DispatchReason::Invalid), Role::Alone));
    assert_eq!(reasons[2], (None, Role::Opener { closed: false }));
    assert_eq!(reasons[3], (Some(DispatchReason::Muted), Role::Alone));
}

#[test]
fn a_stored_opener_is_updated_once_for_the_whole_batch() {
    let mut ledger = Ledger::default();
    ledger.write(&[firing(100)], Duration::ZERO);
    ledger.rows[0].dispatch_status = DispatchStatus::Failed;
    ledger.rows[0].dispatch_reason = Some(DispatchReason::Rejected);
    let plan = ledger.plan(&[firing(100), firing(100), resolved(110)], Duration::ZERO);
    let update = OpenerUpdate { seen: true, close: true, retry: Some(1), skip: true };
    assert_eq!(plan.openers, BTreeMap::from([(AlertId(0), update)]));
}
