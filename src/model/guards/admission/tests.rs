//! The admission against a model of StackStorm: whatever starts, ends and arrives, no window holds more than its rate, and no
//! moment more places than there are.

use super::{super::rate::Rate, *};
use crate::model::guards::PerTarget;
use proptest::prelude::*;

fn at(seconds: i64) -> NaiveDateTime {
    chrono::DateTime::UNIX_EPOCH.naive_utc() + TimeDelta::seconds(seconds)
}

fn policy(max_in_flight: Option<u32>, rate: &[&str], per_target: &[&str]) -> GuardPolicy {
    let rates = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a rate")).collect::<Vec<Rate>>();
    GuardPolicy {
        max_in_flight,
        rates: rates(rate),
        per_target: (!per_target.is_empty()).then(|| PerTarget { label: None, rates: rates(per_target) }),
        ..GuardPolicy::default()
    }
}

fn line(policy: &GuardPolicy) -> Line<'_> {
    Line { policy, cooldown: TimeDelta::zero(), paused: false, counts: Counts::default() }
}

fn head(id: i64) -> Head {
    Head {
        id: AlertId(id),
        line: 0,
        target: format!("host-{id}"),
        fingerprint: format!("{id:016x}"),
        last_start: None,
        pending_at: at(id),
        paused_until: None,
        brake_waived: false,
        cooldown_waived: false,
    }
}

fn started(decision: &Decision) -> Vec<i64> {
    let starts = decision.fates.iter().filter(|(_, fate)| *fate == Fate::Start);
    starts.map(|(id, _)| id.0).collect()
}

#[test]
fn the_oldest_are_started_while_there_are_places() {
    let policy = policy(Some(3), &[], &[]);
    let mut line = line(&policy);
    line.counts.places = 1;
    let heads = [5, 1, 4, 2].map(head).to_vec();
    let decision = decide(at(100), 10, None, vec![line], heads);
    assert_eq!(started(&decision), [1, 2]);
    let blocked = Blocked { reason: DispatchReason::InFlight, until: None, by_all: false };
    assert_eq!(decision.blocked, [Some(blocked)]);
}

#[test]
fn a_route_of_higher_priority_takes_the_last_place_of_all() {
    let (low, mut high) = (policy(None, &[], &[]), policy(None, &[], &[]));
    high.priority = 10;
    let heads = vec![head(1), Head { line: 1, ..head(9) }];
    let decision = decide(at(100), 10, Some((5, 4)), vec![line(&low), line(&high)], heads);
    assert_eq!(started(&decision), [9]);
    assert!(decision.blocked[0].is_some_and(|blocked| blocked.by_all));
}

#[test]
fn a_brake_holds_all_but_what_a_person_released() {
    let policy = policy(None, &[], &[]);
    let mut line = line(&policy);
    line.counts.braked = true;
    let heads = vec![head(1), head(2), Head { brake_waived: true, ..head(3) }];
    let decision = decide(at(100), 10, None, vec![line], heads);
    assert_eq!(started(&decision), [3]);
    assert_eq!(decision.blocked[0].map(|blocked| blocked.reason), Some(DispatchReason::Brake));
}

#[test]
fn an_alert_held_for_its_own_reason_leaves_the_line_and_blocks_no_other() {
    let policy = policy(Some(1), &[], &["1/h"]);
    let mut line = Line { cooldown: TimeDelta::minutes(10), ..line(&policy) };
    line.counts.target_starts.insert("busy".to_owned(), vec![at(1000)]);
    let cooling = Head { last_start: Some(at(990)), ..head(1) };
    let waived = Head { last_start: Some(at(990)), cooldown_waived: true, ..head(4) };
    let busy = |id| Head { target: "busy".to_owned(), ..head(id) };
    let decision = decide(at(1010), 10, None, vec![line], vec![cooling, busy(2), busy(3), waived]);
    let hour = at(1000) + TimeDelta::hours(1) + TimeDelta::seconds(10);
    assert_eq!(
        decision.fates,
        [
            (AlertId(1), Fate::Leave(DispatchReason::Cooldown, at(990) + TimeDelta::minutes(10))),
            (AlertId(2), Fate::Leave(DispatchReason::TargetRate, hour)),
            (AlertId(3), Fate::Leave(DispatchReason::TargetRate, hour + TimeDelta::hours(1))),
            (AlertId(4), Fate::Start),
        ]
    );
}

#[test]
fn two_alerts_of_one_fingerprint_do_not_start_together() {
    let policy = policy(None, &[], &[]);
    let line = Line { cooldown: TimeDelta::minutes(10), ..line(&policy) };
    let twin = Head { fingerprint: head(1).fingerprint, ..head(2) };
    let decision = decide(at(100), 10, None, vec![line], vec![head(1), twin]);
    assert_eq!(started(&decision), [1]);
    assert_eq!(decision.fates[1].1, Fate::Leave(DispatchReason::Cooldown, at(100) + TimeDelta::minutes(10)));
}

#[test]
fn who_has_waited_longest_for_a_target_goes_first() {
    let rates: Vec<Rate> = vec!["2/h".parse().unwrap()];
    let full = [at(3_000), at(2_000)];
    let hour = |start: i64| at(start + 3_610);
    let waits = Waits { first: at(9_000), since: (at(500), AlertId(7)), last: at(20_000) };
    let wait =
        |starts: &[NaiveDateTime], since, now| wait_for_target(&rates, starts, Some(&waits), (since, AlertId(8)), now);
    let half = TimeDelta::minutes(30);
    assert_eq!(wait(&full, at(600), at(4_000)), Some(at(20_000) + half), "behind those who wait");
    assert_eq!(wait(&full, at(500), at(4_000)), Some(at(20_000) + half), "the next alert of the same webhook");
    assert_eq!(wait(&full, at(400), at(4_000)), Some(hour(2_000)), "it has waited longer than all of them");
    assert_eq!(wait(&[], at(400), at(9_000)), None);
    assert_eq!(wait(&[], at(600), at(8_999)), None, "the window has room, and it is nobody's turn");
    assert_eq!(wait(&[], at(600), at(9_000)), Some(at(20_000) + half), "it is the turn of another one");
    assert_eq!(wait_for_target(&rates, &full, None, (at(600), AlertId(8)), at(4_000)), Some(hour(2_000)));
}

/// One step of the model: time passes, alerts arrive, executions end, and an admission with so many slots follows.
#[derive(Debug, Clone)]
struct Step {
    seconds: i64,
    arrivals: Vec<u8>,
    ends: usize,
    slots: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..40_i64, prop::collection::vec(0..4_u8, 0..6), 0..4_usize, 0..5_usize);
    let step = step.prop_map(|(seconds, arrivals, ends, slots)| Step { seconds, arrivals, ends, slots });
    prop::collection::vec(step, 1..60)
}

/// What StackStorm and the rows would show.
#[derive(Default)]
struct World {
    now: i64,
    next_id: i64,
    /// In the line, or to join it at a time.
    waiting: Vec<(Head, NaiveDateTime)>,
    running: Vec<i64>,
    starts: Vec<(NaiveDateTime, String)>,
}

impl World {
    fn arrive(&mut self, host: u8) {
        self.next_id += 1;
        let head = Head { target: format!("host-{host}"), pending_at: at(self.now), ..head(self.next_id) };
        self.waiting.push((head, at(self.now)));
    }

    fn counts(&self) -> Counts {
        let newest = |target: Option<&str>| {
            let of = self.starts.iter().filter(|(_, started)| target.is_none_or(|target| started == target));
            of.map(|(start, _)| *start).rev().collect::<Vec<_>>()
        };
        let targets = (0..4).map(|host| format!("host-{host}"));
        Counts {
            places: u32::try_from(self.running.len()).expect("few"),
            starts: newest(None),
            braked: false,
            target_starts: targets.map(|target| (target.clone(), newest(Some(&target)))).collect(),
            target_waits: self.waits(),
        }
    }

    /// Those that left the line, as the database would show them.
    fn waits(&self) -> HashMap<String, Waits> {
        let mut waits: HashMap<String, Waits> = HashMap::new();
        for (head, due) in self.waiting.iter().filter(|(_, due)| *due > at(self.now)) {
            let known = waits.get(&head.target).copied();
            waits.insert(head.target.clone(), Waits::with(known, *due, (head.pending_at, head.id)));
        }
        waits
    }

    fn admit(&mut self, policy: &GuardPolicy, slots: usize) {
        let now = at(self.now);
        let heads = self.waiting.iter().filter(|(_, due)| *due <= now).map(|(head, _)| head.clone()).collect();
        let line = Line { counts: self.counts(), ..line(policy) };
        for (id, fate) in decide(now, slots, None, vec![line], heads).fates {
            let index = self.waiting.iter().position(|(head, _)| head.id == id).expect("a row that waits");
            match fate {
                Fate::Start => {
                    let (head, _) = self.waiting.remove(index);
                    self.running.push(id.0);
                    self.starts.push((now, head.target));
                }
                Fate::Leave(_, until) => {
                    assert!(until > now, "it leaves the line for a time");
                    self.waiting[index].1 = until;
                }
            }
        }
    }
}

fn most_in_a_window(starts: &[NaiveDateTime], window: TimeDelta) -> usize {
    starts
        .iter()
        .map(|from| starts.iter().filter(|start| (*from..*from + window).contains(*start)).count())
        .max()
        .unwrap_or(0)
}

proptest! {
    #[test]
    fn no_window_holds_more_than_its_rate_and_no_moment_more_places(steps in steps()) {
        let policy = policy(Some(3), &["4/m", "20/10m"], &["2/m"]);
        let mut world = World::default();
        for Step { seconds, arrivals, ends, slots } in steps {
            world.now += seconds;
            for host in arrivals {
                world.arrive(host);
            }
            world.running.drain(..ends.min(world.running.len()));
            let before = world.running.len();
            world.admit(&policy, slots);
            prop_assert!(world.running.len() <= 3 && world.running.len() - before <= slots);
        }
        let all: Vec<NaiveDateTime> = world.starts.iter().map(|(start, _)| *start).collect();
        prop_assert!(most_in_a_window(&all, TimeDelta::seconds(60)) <= 4);
        prop_assert!(most_in_a_window(&all, TimeDelta::minutes(10)) <= 20);
        for host in 0..4 {
            let of: Vec<_> = world.starts.iter().filter(|(_, target)| *target == format!("host-{host}")).map(|(start, _)| *start).collect();
            prop_assert!(most_in_a_window(&of, TimeDelta::seconds(60)) <= 2);
        }
    }

    #[test]
    fn every_row_is_started_in_the_end(hosts in prop::collection::vec(0..4_u8, 1..40)) {
        let policy = policy(Some(2), &["10/m"], &["5/m"]);
        let mut world = World::default();
        for host in &hosts {
            world.arrive(*host);
        }
        for _ in 0..400 {
            world.now += 10;
            world.running.clear();
            world.admit(&policy, 8);
        }
        prop_assert!(world.waiting.is_empty(), "{} still wait", world.waiting.len());
    }
}
