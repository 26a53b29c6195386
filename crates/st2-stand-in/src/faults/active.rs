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
mod tests;
