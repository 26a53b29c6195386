//! The faults in force: which one strikes an event, and for how long each lasts.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{Fault, Kind};
use crate::step::{Component, Step};

/// A fault in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveFault {
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
    /// To how many more events; none: to any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// For how long from when it is set; none: until it is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_millis: Option<u64>,
}

/// All faults in force, and the steps that wait for a stopped component.
#[derive(Default)]
pub(crate) struct Faults {
    active: Vec<(ActiveFault, Option<Instant>)>,
    parked: VecDeque<Step>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: ActiveFault) {
        let until = fault.for_millis.map(|millis| Instant::now() + Duration::from_millis(millis));
        self.active.push((fault, until));
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    pub(crate) fn list(&self) -> Vec<&ActiveFault> {
        self.in_force().collect()
    }

    fn in_force(&self) -> impl Iterator<Item = &ActiveFault> {
        let now = Instant::now();
        self.active.iter().filter(move |(_, until)| until.is_none_or(|until| now < until)).map(|(active, _)| active)
    }

    /// The fault that strikes this event: the one that was set first.
    pub(crate) fn strike(&mut self, kind: Kind) -> Option<Fault> {
        let now = Instant::now();
        self.active.retain(|(active, until)| active.times != Some(0) && until.is_none_or(|until| now < until));
        let (active, _) = self.active.iter_mut().find(|(active, _)| active.fault.strikes(kind))?;
        if let Some(times) = &mut active.times {
            *times -= 1;
        }
        Some(active.fault.clone())
    }

    /// How long a request waits before `MongoDB`'s absence is answered.
    pub(crate) fn mongo_down(&self) -> Option<u64> {
        self.in_force().find_map(|active| match active.fault {
            Fault::MongoDown { millis } => Some(millis),
            _ => None,
        })
    }

    pub(crate) fn is_stopped(&self, component: Component) -> bool {
        self.in_force().any(|active| active.fault.stops() == Some(component))
    }

    /// Whether this fault is in force.
    pub(crate) fn is_set(&self, fault: &Fault) -> bool {
        self.in_force().any(|active| active.fault == *fault)
    }

    /// Whether lists leave this execution out for that user.
    pub(crate) fn hides(&self, id: &str, owner: &str, user: &str) -> bool {
        self.in_force().any(|active| match &active.fault {
            Fault::HiddenFromLists { ids } => ids.iter().any(|hidden| hidden == id),
            Fault::PermissionIsolation => owner != user,
            _ => false,
        })
    }

    pub(crate) fn park(&mut self, step: Step) {
        self.parked.push_back(step);
    }

    pub(crate) fn unpark(&mut self) -> Vec<Step> {
        self.parked.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
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
}
