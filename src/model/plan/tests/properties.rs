//! What must hold for every sequence of batches, dispatcher moves and pauses.

use super::ledger::{Ledger, Row, alert, alert_of, at};
use crate::model::{plan::*, status::AlertStatus};
use proptest::prelude::*;
use std::{collections::BTreeSet, time::Duration};

const COOLDOWN: Duration = Duration::from_secs(20);

/// What can happen between two commits.
#[derive(Debug, Clone)]
enum Step {
    Batch(Vec<Arrival>),
    /// The row at this index (modulo) is moved on by a dispatcher.
    Dispatch(usize, DispatchStatus, Option<DispatchReason>, bool),
    Wait(i64),
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let status = prop_oneof![3 => Just(AlertStatus::Firing), 2 => Just(AlertStatus::Resolved)];
    let alert = (0..2_u8, status, proptest::option::weighted(0.9, 0..60_i64), proptest::option::of(0..80_i64))
        .prop_map(|(who, status, start, end)| alert(who, status, start, end));
    let invalid = InvalidAlert { error: String::new() };
    prop_oneof![
        12 => alert.clone().prop_map(Arrival::Alert),
        1 => alert.prop_map(Arrival::Muted),
        1 => Just(Arrival::Invalid(invalid)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let moved = prop_oneof![
        Just((DispatchStatus::Queued, None)),
        Just((DispatchStatus::Dispatching, None)),
        Just((DispatchStatus::AwaitingExecution, None)),
        Just((DispatchStatus::Dispatched, None)),
        Just((DispatchStatus::Failed, Some(DispatchReason::Rejected))),
        Just((DispatchStatus::Failed, Some(DispatchReason::Uncertain))),
        Just((DispatchStatus::Skipped, Some(DispatchReason::NoRoute))),
    ];
    prop_oneof![
        3 => proptest::collection::vec(arrival(), 1..8).prop_map(Step::Batch),
        3 => (any::<usize>(), moved, proptest::bool::weighted(0.2))
            .prop_map(|(row, (status, reason), uncertain)| Step::Dispatch(row, status, reason, uncertain)),
        1 => (1..30_i64).prop_map(Step::Wait),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 1..24)
}

/// A dispatcher touches only rows that are on their way.
fn dispatch(ledger: &mut Ledger, pick: usize, to: (DispatchStatus, Option<DispatchReason>), uncertain: bool) {
    let count = ledger.rows.len().max(1);
    let Some(row) = ledger.rows.get_mut(pick % count).filter(|row| !row.dispatch_status.is_final()) else { return };
    (row.dispatch_status, row.dispatch_reason) = to;
    row.uncertain = uncertain && to.0 != DispatchStatus::Dispatched;
}

/// Runs the steps; `batch` writes one batch and checks what it wants of it.
fn run(steps: &[Step], batch: impl FnMut(&mut Ledger, &[Arrival])) -> Ledger {
    run_on(Ledger::default(), steps, batch)
}

fn run_on(mut ledger: Ledger, steps: &[Step], mut batch: impl FnMut(&mut Ledger, &[Arrival])) -> Ledger {
    for step in steps {
        match step {
            Step::Batch(arrivals) => batch(&mut ledger, arrivals),
            Step::Dispatch(pick, status, reason, uncertain) => {
                dispatch(&mut ledger, *pick, (*status, *reason), *uncertain);
            }
            Step::Wait(seconds) => ledger.now += seconds,
        }
    }
    ledger
}

fn one_by_one(ledger: &mut Ledger, arrivals: &[Arrival]) {
    for arrival in arrivals {
        ledger.write(std::slice::from_ref(arrival), COOLDOWN);
    }
}

/// True when this start was dispatched, is on its way, or failed: all but taken back.
fn ran(ledger: &Ledger, fingerprint: &Fingerprint, start: NaiveDateTime) -> bool {
    ledger.of(fingerprint).any(|(_, row)| {
        row.pending_at.is_some()
            && row.starts_at == Some(start)
            && row.dispatch_reason != Some(DispatchReason::ResolvedBeforeDispatch)
    })
}

proptest! {
    #[test]
    fn a_batch_at_once_is_the_same_as_its_alerts_one_by_one(steps in steps()) {
        let at_once = run(&steps, |ledger, arrivals| { ledger.write(arrivals, COOLDOWN); });
        prop_assert_eq!(at_once.rows, run(&steps, one_by_one).rows);
    }

    /// All of it happens within a few minutes, so each firing overlaps with what is open or has ended.
    #[test]
    fn of_several_sources_overlapping_firings_run_once_and_a_batch_is_its_alerts_one_by_one(steps in steps()) {
        let several = || Ledger { several_sources: true, ..Ledger::default() };
        let at_once = run_on(several(), &steps, |ledger, arrivals| { ledger.write(arrivals, COOLDOWN); });
        let ran = |row: &&Row| row.pending_at.is_some() && row.dispatch_reason != Some(DispatchReason::ResolvedBeforeDispatch);
        for one in at_once.rows.iter().filter(ran).filter(|row| row.starts_at.is_some_and(|start| start <= row.created_at)) {
            let others = at_once.rows.iter().filter(ran).filter(|other| other.fingerprint == one.fingerprint);
            let overlaps = |other: &&Row| {
                let until = other.closed_at.or(other.last_seen_at);
                other.created_at < one.created_at && one.starts_at <= until
            };
            prop_assert_eq!(others.filter(overlaps).count(), 0);
        }
        prop_assert_eq!(at_once.rows, run_on(several(), &steps, one_by_one).rows);
    }

    #[test]
    fn a_fingerprint_has_at_most_one_open_episode_and_only_openers_are_open(steps in steps()) {
        run(&steps, |ledger, arrivals| {
            ledger.write(arrivals, COOLDOWN);
            let open: Vec<_> = ledger.rows.iter().filter(|row| row.open).collect();
            let fingerprints: BTreeSet<_> = open.iter().map(|row| row.fingerprint.as_ref()).collect();
            assert_eq!(open.len(), fingerprints.len());
            assert!(open.iter().all(|row| row.opened_by.is_none() && !row.closed));
        });
    }

    #[test]
    fn a_start_is_dispatched_once_unless_it_was_taken_back(steps in steps()) {
        run(&steps, |ledger, arrivals| {
            for arrival in arrivals {
                let before = ledger.clone();
                let plan = ledger.write(std::slice::from_ref(arrival), COOLDOWN);
                let Some(alert) = alert_of(arrival).filter(|_| plan.rows[0].was_pending) else { continue };
                let again = alert.starts_at.is_some_and(|start| ran(&before, &alert.fingerprint, start));
                assert!(!again, "{alert:?} runs again after {before:?}");
            }
        });
    }

    #[test]
    fn only_certain_failures_that_cooled_down_are_retried(steps in steps()) {
        run(&steps, |ledger, arrivals| {
            let before = ledger.clone();
            for (id, update) in ledger.write(arrivals, COOLDOWN).openers {
                let row = &before.rows[usize::try_from(id.0).unwrap()];
                let Some(generation) = update.retry else { continue };
                assert_eq!(generation, row.generation + 1);
                assert_eq!(row.dispatch_status, DispatchStatus::Failed);
                assert!(!row.uncertain && row.dispatch_reason != Some(DispatchReason::Uncertain));
                assert!(at(before.now) - row.pending_at.unwrap() >= chrono::TimeDelta::seconds(20));
            }
        });
    }

    #[test]
    fn a_resolved_never_becomes_pending_and_takes_back_only_what_was_not_sent(steps in steps()) {
        run(&steps, |ledger, arrivals| {
            for arrival in arrivals {
                let before = ledger.clone();
                let plan = ledger.write(std::slice::from_ref(arrival), COOLDOWN);
                let status = alert_of(arrival).map(|alert| alert.status);
                if status == Some(AlertStatus::Resolved) {
                    assert!(!plan.rows[0].was_pending && plan.openers.values().all(|update| update.retry.is_none()));
                }
                for (id, _) in plan.openers.iter().filter(|(_, update)| update.skip) {
                    let row = &before.rows[usize::try_from(id.0).unwrap()];
                    assert!(matches!(row.dispatch_status, DispatchStatus::Pending | DispatchStatus::Queued));
                    assert!(!row.uncertain && status == Some(AlertStatus::Resolved));
                }
            }
        });
    }

    #[test]
    fn a_resolved_closes_what_is_open_unless_it_may_belong_to_something_older(steps in steps()) {
        run(&steps, |ledger, arrivals| {
            for arrival in arrivals {
                let before = ledger.clone();
                let plan = ledger.write(std::slice::from_ref(arrival), COOLDOWN);
                let Arrival::Alert(alert) = arrival else { continue };
                let Some((opened, opener)) = before.of(&alert.fingerprint).find(|(_, row)| row.open) else { continue };
                if alert.status == AlertStatus::Firing {
                    continue;
                }
                let start = opener.starts_at.unwrap_or(opener.created_at);
                let older = before.of(&alert.fingerprint).any(|(id, _)| id < opened);
                let ended_before = alert.ends_at.is_some_and(|end| end <= start);
                let began_before = alert.starts_at.is_none_or(|began| opener.starts_at.is_none_or(|opened| began < opened));
                let closed = plan.rows[0].role != Role::Alone;
                assert_eq!(closed, !(older && ended_before && began_before), "{alert:?} after {before:?}");
            }
        });
    }

    #[test]
    fn the_same_arrival_again_changes_nothing_but_when_it_was_last_seen(steps in steps()) {
        run(&steps, |ledger, arrivals| {
            for arrival in arrivals {
                let arrival = std::slice::from_ref(arrival);
                ledger.write(arrival, COOLDOWN);
                let plan = ledger.write(arrival, COOLDOWN);
                let seen = OpenerUpdate { seen: true, ..OpenerUpdate::default() };
                assert!(plan.openers.values().all(|update| *update == seen));
                assert_eq!(plan.rows[0].dispatch_status, DispatchStatus::Skipped);
                assert!(!matches!(plan.rows[0].role, Role::Opener { .. }));
            }
        });
    }
}
