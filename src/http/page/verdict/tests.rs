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

#[test]
fn the_worst_comes_first() {
    let mut now = quiet();
    now.held = vec![(Some(DispatchReason::Rate), 7), (Some(DispatchReason::Cooldown), 2)];
    let held = of(&now, &[]);
    assert_eq!((held.class, held.state.to_string().contains("Holding 9 alerts")), ("hold", true));
    assert!(held.reason.contains("7 by rate, 2 by cooldown"), "{}", held.reason);
    now.failed_lately = 1;
    assert!(of(&now, &[]).state.to_string().contains("1 alert failed in the last hour"));
    now.overdue = vec![Overdue { status: DispatchStatus::Queued, rows: 3, oldest_seconds: 90 }];
    let late = of(&now, &[]);
    assert!(late.state.to_string().contains("3 alerts are late"));
    assert!(late.reason.contains("3 queued, the first due 1 min ago"), "{}", late.reason);
}
