//! Forecasts, and the admission that they are about.

use super::*;
use crate::model::guards::{Brake, PerTarget, Release};
use DispatchReason::{Approval, InFlight, RouteOff, TargetRate};
use chrono::DateTime;

const HOURS: TimeDelta = TimeDelta::hours(6);

fn now() -> NaiveDateTime {
    DateTime::UNIX_EPOCH.naive_utc() + TimeDelta::days(20_000)
}

fn of(policy: &GuardPolicy, counts: &Counts, targets: &[&str]) -> Forecast {
    let targets: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
    forecast(&joining(policy, counts, &targets), now())
}

fn joining<'a>(policy: &'a GuardPolicy, counts: &'a Counts, targets: &'a [String]) -> Joining<'a> {
    let limit = policy.max_in_flight.map(|limit| usize::try_from(limit - counts.places).unwrap());
    Joining { policy, counts, free_places: limit, ahead: 0, targets, paused: super::Paused::No, allowed_age: HOURS }
}

fn rates(texts: &[&str]) -> Vec<rate::Rate> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn hosts(rows: usize) -> Vec<String> {
    (0..rows).map(|n| format!("web-{n}")).collect()
}

#[test]
fn a_window_holds_what_it_has_no_room_for_and_what_comes_too_late_expires() {
    let policy = GuardPolicy { rates: rates(&["20/h"]), ..GuardPolicy::default() };
    let (counts, rows) = (Counts::default(), hosts(371));
    let seen = forecast(&joining(&policy, &counts, &rows), now());
    // At 0:00:00, 1:00:10, … 5:00:50: six times twenty.
    assert_eq!(
        (seen.start, &seen.held, seen.would_expire),
        (20, &BTreeMap::from([(DispatchReason::Rate, 351)]), Some(251))
    );
    let busy = Counts { starts: vec![now() - TimeDelta::minutes(30); 20], ..Counts::default() };
    let seen = forecast(&joining(&policy, &busy, &rows), now());
    assert_eq!((seen.start, seen.would_expire), (0, Some(251)), "at 0:30:10, 1:30:20, … 5:31:00");
    let behind = Joining { ahead: 30, ..joining(&policy, &counts, &rows) };
    assert_eq!(forecast(&behind, now()).would_expire, Some(281));
}

#[test]
fn places_hold_and_say_nothing_of_an_end() {
    let policy = GuardPolicy { max_in_flight: Some(5), ..GuardPolicy::default() };
    let counts = Counts { places: 2, ..Counts::default() };
    let seen = forecast(&joining(&policy, &counts, &hosts(10)), now());
    assert_eq!((seen.start, &seen.held, seen.would_expire), (3, &BTreeMap::from([(InFlight, 7)]), Some(0)));
    let rows = hosts(10);
    let behind = Joining { ahead: 2, ..joining(&policy, &counts, &rows) };
    assert_eq!(forecast(&behind, now()).start, 1);
}

#[test]
fn a_targets_rows_wait_for_each_other_and_for_no_one_else() {
    let per_target = PerTarget { label: None, rates: rates(&["1/h"]) };
    let policy = GuardPolicy { per_target: Some(per_target), ..GuardPolicy::default() };
    let started = HashMap::from([("b".to_owned(), vec![now() - TimeDelta::minutes(10)])]);
    let counts = Counts { target_starts: started, ..Counts::default() };
    let seen = of(&policy, &counts, &["a", "a", "a", "b", "c"]);
    assert_eq!((seen.start, seen.held, seen.would_expire), (2, BTreeMap::from([(TargetRate, 3)]), Some(0)));
    let many = of(&policy, &Counts::default(), &["a"; 10]);
    assert_eq!((many.start, many.would_expire), (1, Some(4)), "0:00:00, 1:00:10, … 5:00:50");
}

#[test]
fn of_a_brake_and_an_approval_no_end_is_known() {
    let brake = Brake { above: 3, within: TimeDelta::minutes(10), release: Release::Auto };
    let policy = GuardPolicy { brake: Some(brake), ..GuardPolicy::default() };
    let braked = Forecast { held: BTreeMap::from([(DispatchReason::Brake, 4)]), ..Forecast::default() };
    assert_eq!(of(&policy, &Counts::default(), &["a", "b", "c", "d"]), braked);
    assert_eq!(of(&policy, &Counts::default(), &["a", "b", "c", "a"]).start, 4);
    let on = Counts { braked: true, ..Counts::default() };
    assert_eq!(of(&policy, &on, &["a", "a", "a", "a"]), braked);
    let approve = GuardPolicy { mode: Mode::Approve, ..GuardPolicy::default() };
    let asked = Forecast { held: BTreeMap::from([(Approval, 1)]), ..Forecast::default() };
    assert_eq!(of(&approve, &Counts::default(), &["a"]), asked);
    let off = GuardPolicy { mode: Mode::Off, ..GuardPolicy::default() };
    assert_eq!(of(&off, &Counts::default(), &["a"]).skipped, BTreeMap::from([(RouteOff, 1)]));
}

#[test]
fn a_pause_comes_first_and_the_age_counts_from_its_end() {
    let policy = GuardPolicy { rates: rates(&["20/h"]), ..GuardPolicy::default() };
    let (counts, rows) = (Counts::default(), hosts(371));
    let paused =
        Joining { paused: super::Paused::Until(now() + TimeDelta::hours(8)), ..joining(&policy, &counts, &rows) };
    let seen = forecast(&paused, now());
    assert_eq!(
        (seen.start, seen.held, seen.would_expire),
        (0, BTreeMap::from([(DispatchReason::Paused, 371)]), Some(251))
    );
    let without_end = Joining { paused: super::Paused::WithoutEnd, ..joining(&policy, &counts, &rows) };
    assert_eq!(forecast(&without_end, now()).would_expire, None);
}
