//! The guards of the routes file: their keys, and what can be wrong with their values.

use crate::model::guards::{
    Brake, GuardPolicy, Mode, PerTarget, Release,
    rate::{LONGEST_WINDOW, Rate},
};
use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, de::Error};

/// `guards:` at the top of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AllGuards {
    max_in_flight: Option<u32>,
}

/// `guards:` of a route.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuardKeys {
    #[serde(default, deserialize_with = "duration")]
    cooldown: Option<TimeDelta>,
    max_in_flight: Option<u32>,
    #[serde(default, deserialize_with = "rates")]
    rate: Vec<Rate>,
    per_target: Option<PerTargetKeys>,
    brake: Option<BrakeKeys>,
    #[serde(default, deserialize_with = "duration")]
    approval_timeout: Option<TimeDelta>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PerTargetKeys {
    label: Option<String>,
    #[serde(deserialize_with = "rates")]
    rate: Vec<Rate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BrakeKeys {
    above: u32,
    #[serde(default, deserialize_with = "duration")]
    within: Option<TimeDelta>,
    #[serde(default)]
    release: Release,
}

/// `20/h` or `[3/h, 7/d]`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

fn rates<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Rate>, D::Error> {
    let texts = match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(text) => vec![text],
        OneOrMore::More(texts) => texts,
    };
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

/// The time within which started targets count for a brake, where the route does not say.
const BRAKE_WITHIN: TimeDelta = TimeDelta::minutes(10);

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TimeDelta>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = || D::Error::custom(format!("{text:?} is not a duration; write one such as 30s, 10m, 6h"));
    let duration = humantime::parse_duration(text.trim()).map_err(|_not_one| wrong())?;
    TimeDelta::from_std(duration).map(Some).map_err(|_too_long| wrong())
}

impl AllGuards {
    pub(super) fn max_in_flight(&self) -> Result<Option<u32>, &'static str> {
        at_least_one(self.max_in_flight)
    }
}

fn at_least_one(limit: Option<u32>) -> Result<Option<u32>, &'static str> {
    match limit {
        Some(0) => Err("max_in_flight must be at least 1; to stop a route write mode: off"),
        limit => Ok(limit),
    }
}

impl GuardKeys {
    pub(super) fn policy(self, priority: i32, mode: Mode) -> Result<GuardPolicy, &'static str> {
        let per_target = match self.per_target {
            Some(keys) if keys.rate.is_empty() => return Err("per_target needs a rate, such as rate: [3/h]"),
            keys => keys.map(|keys| PerTarget { label: keys.label, rates: keys.rate }),
        };
        let brake = self.brake.map(|keys| Brake {
            above: keys.above,
            within: keys.within.unwrap_or(BRAKE_WITHIN),
            release: keys.release,
        });
        if self.cooldown.is_some_and(|cooldown| cooldown > LONGEST_WINDOW) {
            return Err("cooldown is at most 7d");
        }
        if brake.as_ref().is_some_and(|brake| brake.within > LONGEST_WINDOW) {
            return Err("brake: within is at most 7d");
        }
        Ok(GuardPolicy {
            priority,
            mode,
            cooldown: self.cooldown,
            max_in_flight: at_least_one(self.max_in_flight)?,
            rates: self.rate,
            per_target,
            brake,
            approval_timeout: self.approval_timeout,
        })
    }
}
