//! What comes first, and in which words.

use super::*;
use crate::{
    model::status::DispatchReason,
    store::read::{backlog::Overdue, depth::Depth},
};

fn quiet() -> Standing {
    Standing {
        waiting: vec![Depth { status: DispatchStatus::Pending, rows: 1, oldest_seconds: 2 }],
        held: Vec::new(),
        failed_lately: 0,
        overdue: Vec::new(),
        pauses: Vec::new(),
    }
}

#[test]
fn old_failures_do_not_turn_it() {
    let verdict = of(&quiet(), &[]);
    assert_eq!(verdict.class, "ok");
    assert!(verdict.reason.ends_with("1 alert is on the way."), "{}", verdict.reason);
}

fn held(rows: &[(DispatchReason, i64)]) -> Standing {
    Standing { held: rows.iter().map(|(reason, n)| (Some(*reason), *n)).collect(), ..quiet() }
}

fn station(class: &'static str, name: &'static str, say: &str, more: &str) -> Station {
    Station { name, class, say: say.to_owned(), short: "", more: more.to_owned() }
}

#[test]
fn the_worst_comes_first_and_hides_no_other() {
    let mut now = held(&[(DispatchReason::Rate, 7), (DispatchReason::Cooldown, 2)]);
    let well = of(&now, &[]);
    assert_eq!((well.class, well.state.to_string().contains("Holding 9 alerts")), ("hold", true));
    assert_eq!(well.reason, "7 by rate, 2 by cooldown: they start by themselves as the limits allow.");
    now.failed_lately = 1;
    let failed = of(&now, &[]);
    assert!(failed.state.to_string().contains("1 alert failed in the last hour"));
    assert!(failed.reason.ends_with(" Also: holding 9 alerts."), "{}", failed.reason);
    now.overdue = vec![Overdue { status: DispatchStatus::Queued, rows: 3, oldest_seconds: 90 }];
    let late = of(&now, &[]);
    assert!(late.state.to_string().contains("3 alerts are late"));
    assert!(late.reason.contains("3 queued, the first due 1 min ago"), "{}", late.reason);
    let stations = [
        station("hold", "Tracker", "none runs", "without one no execution gets its status"),
        station("bad", "StackStorm", "circuit open", "the dispatcher's calls fail"),
    ];
    let cut = of(&now, &stations);
    assert!(cut.state.to_string().contains("StackStorm: circuit open"), "it is why they are late");
    assert_eq!(
        cut.reason,
        "The dispatcher's calls fail. Alerts are stored and wait. \
         Also: 3 alerts are late; 1 alert failed in the last hour; holding 9 alerts; Tracker: none runs."
    );
}

#[test]
fn what_is_held_says_what_lets_it_go() {
    let reason =
        of(&held(&[(DispatchReason::Approval, 1), (DispatchReason::Brake, 12), (DispatchReason::Paused, 3)]), &[])
            .reason;
    assert!(reason.starts_with("12 by the brake of a route"), "{reason}");
    assert!(
        reason.contains("3 by a pause, until it ends") && reason.contains("1 by approval, until a person"),
        "{reason}"
    );
    assert!(!reason.contains("by themselves"), "none of them starts by itself: {reason}");
    let unknown = Standing { held: vec![(None, 2)], ..quiet() };
    assert!(of(&unknown, &[]).reason.contains("2 by a guard that this program does not know"));
}

#[test]
fn a_pause_is_named_also_while_another_guard_holds_alerts() {
    let at = chrono::NaiveDate::from_ymd_opt(2026, 12, 1).unwrap().and_hms_opt(3, 14, 0).unwrap();
    let scope = Scope::Everything;
    let (operator, reason) = ("alice".to_owned(), "rack move".to_owned());
    let pause = Pause { id: crate::model::ids::ApiCallId(7), scope, reason, operator, since: at, until: Some(at) };
    let alone = of(&Standing { pauses: vec![pause.clone()], ..quiet() }, &[]);
    assert!(alone.state.to_string().contains("Paused"));
    assert_eq!(alone.reason, "Everything until 03:14 UTC, by alice: rack move. No alert is held by it yet.");
    let others = of(&Standing { pauses: vec![pause], ..held(&[(DispatchReason::Approval, 1)]) }, &[]);
    assert!(others.reason.ends_with("Also: a pause is in force."), "{}", others.reason);
}
