//! The settle times of both kinds of call, on a clock of their own.

use super::*;
use crate::{dispatcher::Lease, retry::Schedule, stackstorm::text::TemplateText};
use chrono::NaiveDate;
use std::time::Duration;

fn policy() -> Policy {
    Policy {
        max_attempts: 8,
        max_age: TimeDelta::hours(6),
        cooldown: TimeDelta::minutes(10),
        execution_deadline: TimeDelta::hours(1),
        schedule: Schedule::new(Vec::new()),
        http_timeout: TimeDelta::seconds(35),
        settle_time: TimeDelta::seconds(60),
        silent_settle_time: TimeDelta::minutes(20),
        lease: Lease { length: Duration::from_mins(2), fresh: Duration::from_secs(10) },
        rule_deadline: TimeDelta::minutes(30),
        template_text: TemplateText::Break,
    }
}

/// Empty lookups from `first` on, each when the one before asked for it: when they are enough, counted from the attempt.
fn settles_after(silent: bool, first: TimeDelta) -> (TimeDelta, usize) {
    let attempted = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap().and_hms_opt(1, 0, 0).unwrap();
    let policy = policy();
    let (mut now, mut since, mut lookups) = (attempted + first, None, 1);
    while let Some((begun, wait)) = policy.settling(silent, now, attempted + policy.http_timeout, since) {
        (now, since, lookups) = (now + wait, begun, lookups + 1);
    }
    (now - attempted, lookups)
}

#[test]
fn a_call_that_is_over_settles_after_the_timeout_and_one_settle_time() {
    assert_eq!(settles_after(false, TimeDelta::seconds(10)), (TimeDelta::seconds(95), 3));
    assert_eq!(settles_after(false, TimeDelta::seconds(200)), (TimeDelta::seconds(260), 2));
}

#[test]
fn a_silent_call_settles_after_twenty_minutes_more_and_is_looked_up_in_between() {
    assert_eq!(settles_after(true, TimeDelta::seconds(10)), (TimeDelta::seconds(35 + 1200), 6));
}

#[test]
fn a_single_lookup_is_never_enough() {
    let now = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap().and_hms_opt(1, 0, 0).unwrap();
    let mut policy = policy();
    policy.settle_time = TimeDelta::zero();
    assert!(policy.settling(false, now, now, None).is_some());
    assert!(policy.settling(false, now, now, Some(now)).is_none());
}
