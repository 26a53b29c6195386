//! Which call gets which fault.

use super::*;

fn set(faults: &mut Faults, fault: Fault, times: Option<u32>, for_millis: Option<u64>) {
    faults.add(ActiveFault { fault, times, for_millis });
}

#[test]
fn a_fault_lasts_for_its_number_of_events_or_for_its_time() {
    let mut faults = Faults::default();
    set(&mut faults, Fault::WebhookLost, Some(2), None);
    set(&mut faults, Fault::TriggerTwice, None, Some(60_000));
    set(&mut faults, Fault::ErrorRunning, None, Some(0));
    let next = |faults: &mut Faults| faults.strike(Kind::Webhook);
    assert_eq!(next(&mut faults), Some(Fault::WebhookLost));
    assert_eq!(next(&mut faults), Some(Fault::WebhookLost));
    assert_eq!(next(&mut faults), Some(Fault::TriggerTwice));
    assert_eq!(next(&mut faults), Some(Fault::TriggerTwice));
    assert_eq!(faults.strike(Kind::Create), None, "its time is over");
    assert!(!faults.is_set(&Fault::ErrorRunning) && faults.is_set(&Fault::TriggerTwice));
}

#[test]
fn a_steered_fault_is_read_from_json() {
    let json = r#"{"fault": "webhook_not_registered", "lists": true, "for_millis": 5000}"#;
    let active: ActiveFault = serde_json::from_str(json).unwrap();
    assert_eq!(active.fault, Fault::WebhookNotRegistered { lists: true });
    assert_eq!((active.times, active.for_millis), (None, Some(5000)));
}
