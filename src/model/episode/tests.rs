//! The table of the episode decision ([`decide`]), row by row.

use super::*;
use crate::model::ids::{AlertId, Fingerprint};
use std::collections::BTreeMap;

/// Minutes since some midnight.
fn at(minute: u32) -> NaiveDateTime {
    let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
    day.and_hms_opt(minute / 60, minute % 60, 0).unwrap()
}

fn alert(status: AlertStatus, starts_at: Option<u32>, ends_at: Option<u32>) -> IncomingAlert {
    IncomingAlert {
        fingerprint: Fingerprint::parse("d255a28ae8b98356").unwrap(),
        status,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        starts_at: starts_at.map(at),
        ends_at: ends_at.map(at),
        generator_url: None,
    }
}

/// An episode that began at minute 100, whose row was made and became pending then.
fn opener(status: DispatchStatus, reason: Option<DispatchReason>) -> Opener {
    Opener {
        id: OpenerRef::Row(AlertId(1)),
        starts_at: Some(at(100)),
        created_at: at(100),
        dispatch_status: status,
        dispatch_reason: reason,
        uncertain: false,
        pending_at: Some(at(100)),
        started_at: None,
        generation: 0,
        last_seen_at: at(100),
    }
}

/// Decides with a cooldown of 10 minutes; what is closed was closed at minute 120.
fn decide_at(now: u32, open: Option<Opener>, closed: Option<Opener>, alert: &IncomingAlert) -> Decision {
    decide_by(false, now, open, closed, alert)
}

fn decide_by(
    several_sources: bool,
    now: u32,
    open: Option<Opener>,
    closed: Option<Opener>,
    alert: &IncomingAlert,
) -> Decision {
    let closed = closed.map(|opener| Closed::now(&opener, at(120)));
    let state = EpisodeState { open, heard_before: closed.is_some(), closed };
    let policy = EpisodePolicy { refire_cooldown: Duration::from_mins(10), several_sources };
    decide(&state, alert, &policy, at(now))
}

fn firing(start: u32) -> IncomingAlert {
    alert(AlertStatus::Firing, Some(start), None)
}

fn resolved(end: u32) -> IncomingAlert {
    alert(AlertStatus::Resolved, Some(100), Some(end))
}

fn firing_without_start() -> IncomingAlert {
    alert(AlertStatus::Firing, None, None)
}

#[test]
fn the_first_firing_opens() {
    assert_eq!(decide_at(100, None, None, &firing(100)), Decision::Open);
    assert_eq!(decide_at(100, None, None, &firing_without_start()), Decision::Open);
}

#[test]
fn a_firing_later_than_the_closed_episode_opens_and_any_other_is_reopened() {
    for status in DispatchStatus::ALL {
        let closed = opener(*status, None);
        assert_eq!(decide_at(200, None, Some(closed.clone()), &firing(101)), Decision::Open);
        assert_eq!(decide_at(200, None, Some(closed.clone()), &firing_without_start()), Decision::Open);
        assert_eq!(decide_at(200, None, Some(closed.clone()), &firing(100)), Decision::OpenReopened);
        assert_eq!(decide_at(200, None, Some(closed), &firing(99)), Decision::OpenReopened);
    }
}

#[test]
fn an_episode_that_ended_before_its_dispatch_bars_no_firing() {
    let closed = opener(DispatchStatus::Skipped, Some(DispatchReason::ResolvedBeforeDispatch));
    assert_eq!(decide_at(200, None, Some(closed), &firing(100)), Decision::Open);
}

#[test]
fn while_the_opener_is_on_its_way_every_firing_is_a_repeat() {
    for status in DispatchStatus::ALL.iter().filter(|status| !status.is_final()) {
        for alert in [firing(99), firing(100), firing(199), firing_without_start()] {
            assert_eq!(decide_at(200, Some(opener(*status, None)), None, &alert), Decision::Repeat);
        }
    }
}

#[test]
fn the_same_firing_of_a_settled_opener_is_a_repeat() {
    let skipped = opener(DispatchStatus::Skipped, Some(DispatchReason::NoRoute));
    for open in [opener(DispatchStatus::Dispatched, None), skipped] {
        for alert in [firing(99), firing(100), firing_without_start()] {
            assert_eq!(decide_at(200, Some(open.clone()), None, &alert), Decision::Repeat);
        }
    }
}

#[test]
fn the_repeat_of_a_failed_opener_retries_it_after_the_cooldown() {
    let failed = opener(DispatchStatus::Failed, Some(DispatchReason::Rejected));
    assert_eq!(decide_at(109, Some(failed.clone()), None, &firing(100)), Decision::Repeat);
    assert_eq!(decide_at(110, Some(failed.clone()), None, &firing(100)), Decision::RepeatAndRetry);
    assert_eq!(decide_at(110, Some(failed), None, &firing_without_start()), Decision::RepeatAndRetry);
}

#[test]
fn an_uncertain_failure_is_never_retried_by_a_repeat() {
    let by_reason = opener(DispatchStatus::Failed, Some(DispatchReason::Uncertain));
    let mut by_flag = opener(DispatchStatus::Failed, Some(DispatchReason::Expired));
    by_flag.uncertain = true;
    for open in [by_reason, by_flag] {
        assert_eq!(decide_at(200, Some(open), None, &firing(100)), Decision::Repeat);
    }
}

#[test]
fn a_later_start_opens_the_next_episode_at_once() {
    for status in [DispatchStatus::Dispatched, DispatchStatus::Failed] {
        // How soon it runs is the guard `cooldown`.
        assert_eq!(decide_at(106, Some(opener(status, None)), None, &firing(105)), Decision::CloseAndOpen);
    }
}

#[test]
fn a_repeat_retries_a_failed_dispatch_after_the_cooldown_from_its_start() {
    let mut open = opener(DispatchStatus::Failed, Some(DispatchReason::RuleFailed));
    assert_eq!(decide_at(109, Some(open.clone()), None, &firing(100)), Decision::Repeat);
    assert_eq!(decide_at(110, Some(open.clone()), None, &firing(100)), Decision::RepeatAndRetry);
    // A guard held it for an hour before it was started.
    open.started_at = Some(at(160));
    assert_eq!(decide_at(169, Some(open.clone()), None, &firing(100)), Decision::Repeat);
    assert_eq!(decide_at(170, Some(open), None, &firing(100)), Decision::RepeatAndRetry);
}

#[test]
fn a_resolve_ends_what_a_guard_holds_and_nothing_was_run() {
    let open = opener(DispatchStatus::Held, Some(DispatchReason::Brake));
    assert_eq!(decide_at(130, Some(open.clone()), None, &firing(100)), Decision::Repeat);
    assert_eq!(decide_at(130, Some(open), None, &resolved(125)), Decision::Close { skip_opener: true });
}

#[test]
fn a_start_that_ran_before_a_stale_firing_was_reopened_does_not_run_again() {
    let mut stale = opener(DispatchStatus::Skipped, Some(DispatchReason::Reopened));
    stale.starts_at = Some(at(50));
    let ran = opener(DispatchStatus::Dispatched, None);
    assert_eq!(decide_at(200, Some(stale.clone()), Some(ran.clone()), &firing(100)), Decision::Repeat);
    assert_eq!(decide_at(200, Some(stale), Some(ran), &firing(101)), Decision::CloseAndOpen);
}

#[test]
fn a_resolved_closes_and_takes_back_what_was_not_sent() {
    use DispatchStatus::{Dispatched, Dispatching, Failed, Pending, Queued, Skipped};
    for (status, skip_opener) in
        [(Pending, true), (Queued, true), (Dispatching, false), (Dispatched, false), (Failed, false), (Skipped, false)]
    {
        let decision = decide_at(200, Some(opener(status, None)), None, &resolved(101));
        assert_eq!(decision, Decision::Close { skip_opener });
    }
}

#[test]
fn a_resolved_does_not_take_back_an_uncertain_dispatch() {
    let mut open = opener(DispatchStatus::Pending, None);
    open.uncertain = true;
    assert_eq!(decide_at(200, Some(open), None, &resolved(101)), Decision::Close { skip_opener: false });
}

#[test]
fn a_resolved_without_an_end_closes_any_episode() {
    let alert = alert(AlertStatus::Resolved, None, None);
    let open = opener(DispatchStatus::Dispatched, None);
    assert_eq!(decide_at(200, Some(open), None, &alert), Decision::Close { skip_opener: false });
}

/// As a twin sends it late: an older firing, at minute 60.
fn resolved_of(start: Option<u32>, end: u32) -> IncomingAlert {
    alert(AlertStatus::Resolved, start, Some(end))
}

#[test]
fn a_resolved_of_an_older_episode_closes_nothing() {
    let open = opener(DispatchStatus::Dispatched, None);
    let mut older = opener(DispatchStatus::Dispatched, None);
    older.starts_at = Some(at(60));
    for end in [70, 99, 100] {
        let decision = decide_at(200, Some(open.clone()), Some(older.clone()), &resolved_of(Some(60), end));
        assert_eq!(decision, Decision::ResolvedLate, "{end}");
    }
    assert_eq!(decide_at(200, None, Some(open), &resolved(150)), Decision::ResolvedLate);
}

#[test]
fn a_resolved_with_the_opener_s_own_start_closes_whatever_its_end_says() {
    let open = opener(DispatchStatus::Dispatched, None);
    for end in [1, 99, 100, 101] {
        for start in [100, 101] {
            let decision = decide_at(200, Some(open.clone()), Some(open.clone()), &resolved_of(Some(start), end));
            assert_eq!(decision, Decision::Close { skip_opener: false }, "{start} to {end}");
        }
    }
}

#[test]
fn a_resolved_that_began_earlier_closes_if_it_ends_later_for_a_start_only_moves_earlier() {
    let open = opener(DispatchStatus::Dispatched, None);
    let decision = decide_at(200, Some(open.clone()), Some(open), &resolved_of(Some(60), 101));
    assert_eq!(decision, Decision::Close { skip_opener: false });
}

#[test]
fn a_resolved_that_can_end_nothing_else_closes_whatever_its_times_say() {
    let open = opener(DispatchStatus::Dispatched, None);
    for resolved in [resolved_of(Some(60), 70), resolved_of(Some(99), 99), resolved_of(None, 70)] {
        assert_eq!(decide_at(200, Some(open.clone()), None, &resolved), Decision::Close { skip_opener: false });
        assert_eq!(decide_at(200, Some(open.clone()), Some(open.clone()), &resolved), Decision::ResolvedLate);
    }
}

#[test]
fn an_opener_that_does_not_say_when_it_began_began_with_its_row() {
    let mut open = opener(DispatchStatus::Dispatched, None);
    open.starts_at = None;
    open.created_at = at(105);
    assert_eq!(decide_at(200, Some(open.clone()), None, &firing(105)), Decision::Repeat);
    assert_eq!(decide_at(200, Some(open.clone()), None, &firing(106)), Decision::CloseAndOpen);
    assert_eq!(decide_at(200, Some(open.clone()), Some(open), &resolved(105)), Decision::ResolvedLate);
}

#[test]
fn the_latest_dispatched_start_decides_over_what_closed_after_it() {
    let closed = |start, status, reason| {
        let mut opener = opener(status, reason);
        opener.starts_at = Some(at(start));
        Closed::now(&opener, at(200))
    };
    let ran = closed(100, DispatchStatus::Dispatched, None);
    let stale = closed(50, DispatchStatus::Skipped, Some(DispatchReason::Reopened));
    let taken_back = closed(150, DispatchStatus::Skipped, Some(DispatchReason::ResolvedBeforeDispatch));
    let next = closed(160, DispatchStatus::Dispatched, None);
    assert_eq!(ran.clone().decisive(stale), ran);
    assert_eq!(ran.clone().decisive(taken_back.clone()), ran);
    assert_eq!(taken_back.decisive(ran.clone()), ran);
    assert_eq!(ran.decisive(next.clone()), next);
}

#[test]
fn of_several_sources_a_later_start_that_overlaps_is_the_same_firing() {
    let mut open = opener(DispatchStatus::Dispatched, None);
    open.last_seen_at = at(110);
    for (start, decision) in [(101, Decision::Repeat), (115, Decision::Repeat), (116, Decision::CloseAndOpen)] {
        assert_eq!(decide_by(true, 200, Some(open.clone()), None, &firing(start)), decision, "{start}");
        assert_eq!(decide_by(false, 200, Some(open.clone()), None, &firing(start)), Decision::CloseAndOpen);
    }
    for (start, decision) in [(101, Decision::OpenReopened), (120, Decision::OpenReopened), (121, Decision::Open)] {
        assert_eq!(decide_by(true, 200, None, Some(open.clone()), &firing(start)), decision, "{start}");
        assert_eq!(decide_by(false, 200, None, Some(open.clone()), &firing(start)), Decision::Open);
    }
}
