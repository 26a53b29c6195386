//! What a replay would meet, in words: the same on the page and in the terminal.

use super::{
    super::explain::{age, count},
    Effect,
};
use crate::model::status::DispatchReason;
use std::collections::BTreeMap;

impl Effect {
    /// What happens first, and to how many alerts.
    pub(crate) fn parts(&self) -> Vec<(String, usize)> {
        let start = (self.forecast.start > 0).then(|| ("start at once".to_owned(), self.forecast.start));
        let held = self.forecast.held.iter().map(|(reason, alerts)| (format!("held first, {reason}"), *alerts));
        let skipped = self.forecast.skipped.iter().map(|(reason, alerts)| (format!("skipped, {reason}"), *alerts));
        start.into_iter().chain(held).chain(skipped).collect()
    }

    /// How the wait of those that are held ends; `None` where nothing is held.
    pub(crate) fn end(&self) -> Option<String> {
        let allowed = age(self.allowed_age_seconds);
        let alerts = count(i64::try_from(self.rows).unwrap_or(i64::MAX), "alert");
        match self.forecast.would_expire {
            Some(0) | None if self.forecast.held.is_empty() => None,
            Some(0) => Some(format!("What is held for more than {allowed} expires.")),
            Some(expire) => {
                Some(format!("At least {expire} of these {alerts} would expire: they cannot start within {allowed}."))
            }
            None => Some(until(&self.forecast.held)),
        }
    }

    /// Some alerts would not run at all, because they cannot start in time.
    pub(crate) fn expires(&self) -> bool {
        self.forecast.would_expire.is_some_and(|expire| expire > 0)
    }
}

/// What ends a wait whose end no clock knows.
fn until(held: &BTreeMap<DispatchReason, usize>) -> String {
    let text = if held.contains_key(&DispatchReason::Approval) {
        "Each waits for a person who approves it."
    } else if held.contains_key(&DispatchReason::Brake) {
        "The brake holds them until alerts resolve or a person releases them."
    } else {
        "They wait until a person ends the pause."
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::guards::forecast::Forecast;

    fn effect(held: &[(DispatchReason, usize)], would_expire: Option<usize>) -> Effect {
        let held: BTreeMap<_, _> = held.iter().copied().collect();
        let forecast = Forecast { start: 20, held, would_expire, ..Forecast::default() };
        Effect { route: Some("hosts".to_owned()), rows: 371, forecast, allowed_age_seconds: 21_600 }
    }

    #[test]
    fn the_person_reads_how_many_would_expire_and_what_holds_the_rest() {
        let full = effect(&[(DispatchReason::Rate, 351)], Some(251));
        assert_eq!(full.parts(), [("start at once".to_owned(), 20), ("held first, rate".to_owned(), 351)]);
        let said = "At least 251 of these 371 alerts would expire: they cannot start within 6 h 00 min.";
        assert_eq!((full.end().as_deref(), full.expires()), (Some(said), true));
        let fits = effect(&[(DispatchReason::InFlight, 3)], Some(0));
        assert_eq!(fits.end().as_deref(), Some("What is held for more than 6 h 00 min expires."));
        assert_eq!(effect(&[], Some(0)).end(), None);
        let braked = effect(&[(DispatchReason::Brake, 371)], None);
        assert!(braked.end().is_some_and(|said| said.contains("a person releases")));
    }
}
