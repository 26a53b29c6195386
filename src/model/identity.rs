//! Which alerts are one and the same: by default those with equal labels, as in Alertmanager.
//!
//! `POUNDCAKE_IDENTITY_IGNORE_LABELS` takes labels out (a replica's name), `POUNDCAKE_IDENTITY_ADD` puts something in (the receiver, where two
//! clusters send equal labels). The fingerprint says the result: with either of them it is computed from what counts.

#[cfg(test)]
mod tests;

use super::ids::Fingerprint;
use std::{collections::BTreeMap, collections::BTreeSet, str::FromStr};

/// The settings of identity. The default is Alertmanager's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    ignored: IgnoredLabels,
    added: Additions,
}

/// `POUNDCAKE_IDENTITY_IGNORE_LABELS`: a comma list of names, or `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoredLabels {
    names: BTreeSet<String>,
    all: bool,
}

/// `POUNDCAKE_IDENTITY_ADD`: a comma list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Additions {
    receiver: bool,
    external_url: bool,
    route_labels: BTreeSet<String>,
    labels: BTreeSet<String>,
}

/// What a webhook says of its sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// The receiver's name.
    pub receiver: String,
    /// The address of the Alertmanager that sent it.
    pub external_url: String,
    /// Of its route; Alertmanager has them since 0.34.
    pub route_labels: BTreeMap<String, String>,
}

/// Two settings that give every alert the same identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "POUNDCAKE_IDENTITY_IGNORE_LABELS=* leaves no label that tells alerts apart; name those that do in POUNDCAKE_IDENTITY_ADD, as labels.alertname"
)]
pub struct NothingCounts;

impl Identity {
    /// Checks that something is left to tell alerts apart.
    pub fn new(ignored: IgnoredLabels, added: Additions) -> Result<Self, NothingCounts> {
        if ignored.all && added.labels.is_empty() { Err(NothingCounts) } else { Ok(Self { ignored, added }) }
    }

    /// Alerts of one identity may have different labels, so they come from several sources.
    pub fn ignores_labels(&self) -> bool {
        self.ignored.all || !self.ignored.names.is_empty()
    }

    /// The fingerprint of an alert. What its sender computed counts only under the default, which is the same for
    /// Alertmanager; an alert with no label that counts keeps all of its labels.
    pub fn fingerprint(
        &self,
        labels: &BTreeMap<String, String>,
        given: Option<Fingerprint>,
        sender: &Sender,
    ) -> Fingerprint {
        if *self == Self::default() {
            return given.unwrap_or_else(|| Fingerprint::of_labels(labels));
        }
        let mut counting: Vec<(&str, &str)> = pairs(labels).filter(|(name, _)| self.counts(name)).collect();
        if counting.is_empty() {
            counting.extend(pairs(labels));
        }
        Fingerprint::of(counting, self.added.of(sender))
    }

    fn counts(&self, label: &str) -> bool {
        self.added.labels.contains(label) || !(self.ignored.all || self.ignored.names.contains(label))
    }
}

impl Additions {
    /// Name and value of each that the sender gives; what it does not give changes no fingerprint.
    fn of<'s>(&'s self, sender: &'s Sender) -> impl Iterator<Item = (&'s str, &'s str)> {
        let receiver = self.receiver.then_some(("receiver", sender.receiver.as_str()));
        let external_url = self.external_url.then_some(("externalURL", sender.external_url.as_str()));
        let route_labels = pairs(&sender.route_labels).filter(|(name, _)| self.route_labels.contains(*name));
        receiver.into_iter().chain(external_url).chain(route_labels).filter(|(_, value)| !value.is_empty())
    }
}

fn pairs(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

impl FromStr for IgnoredLabels {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: BTreeSet<String> = items(text).map(str::to_owned).collect();
        Ok(Self { all: names.contains("*"), names })
    }
}

impl FromStr for Additions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut added = Self::default();
        for item in items(text) {
            match item.split_once('.') {
                None if item == "receiver" => added.receiver = true,
                None if item == "externalURL" => added.external_url = true,
                Some(("labels", name)) if !name.is_empty() => drop(added.labels.insert(name.to_owned())),
                Some(("routeLabels", name)) if !name.is_empty() => drop(added.route_labels.insert(name.to_owned())),
                _ => return Err(format!("{item:?}: write receiver, externalURL, routeLabels.NAME or labels.NAME")),
            }
        }
        Ok(added)
    }
}
