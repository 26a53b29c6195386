//! What a replay would meet, in words: one row for each route that its alerts would take now.

use super::super::words::{age, count};
use crate::{
    history::Effect,
    model::{guards::forecast::Forecast, status::DispatchReason},
};
use std::collections::BTreeMap;

/// One route.
pub(super) struct Row {
    /// `None`: no route matches.
    pub(super) route: Option<String>,
    pub(super) alerts: usize,
    /// What happens first, and to how many.
    pub(super) parts: Vec<(String, usize)>,
    /// What becomes of those that wait too long.
    pub(super) ends: Option<String>,
    /// It is bad news.
    pub(super) expires: bool,
}

impl Row {
    pub(super) fn of(effect: &Effect) -> Self {
        let Effect { route, rows, forecast, allowed_age_seconds } = effect;
        let allowed = age(*allowed_age_seconds);
        let alerts = count(i64::try_from(*rows).unwrap_or(i64::MAX), "alert");
        let waits = !forecast.held.is_empty();
        let ends = match forecast.would_expire {
            Some(0) | None if !waits => None,
            Some(0) => Some(format!("What is held for more than {allowed} expires.")),
            Some(expire) => {
                Some(format!("At least {expire} of these {alerts} would expire: they cannot start within {allowed}."))
            }
            None => Some(until(&forecast.held)),
        };
        Self {
            route: route.clone(),
            alerts: *rows,
            parts: parts(forecast),
            ends,
            expires: forecast.would_expire.is_some_and(|expire| expire > 0),
        }
    }
}

fn parts(forecast: &Forecast) -> Vec<(String, usize)> {
    let start = (forecast.start > 0).then(|| ("start at once".to_owned(), forecast.start));
    let held = forecast.held.iter().map(|(reason, alerts)| (format!("held first, {reason}"), *alerts));
    let skipped = forecast.skipped.iter().map(|(reason, alerts)| (format!("skipped, {reason}"), *alerts));
    start.into_iter().chain(held).chain(skipped).collect()
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

    fn row(held: &[(DispatchReason, usize)], would_expire: Option<usize>) -> Row {
        let held: BTreeMap<_, _> = held.iter().copied().collect();
        let forecast = Forecast { start: 20, held, would_expire, ..Forecast::default() };
        Row::of(&Effect { route: Some("hosts".to_owned()), rows: 371, forecast, allowed_age_seconds: 21_600 })
    }

    #[test]
    fn the_person_reads_how_many_would_expire_and_what_holds_the_rest() {
        let full = row(&[(DispatchReason::Rate, 351)], Some(251));
        assert_eq!(full.parts, [("start at once".to_owned(), 20), ("held first, rate".to_owned(), 351)]);
        let said = "At least 251 of these 371 alerts would expire: they cannot start within 6 h 00 min.";
        assert_eq!((full.ends.as_deref(), full.expires), (Some(said), true));
        let fits = row(&[(DispatchReason::InFlight, 3)], Some(0));
        assert_eq!(fits.ends.as_deref(), Some("What is held for more than 6 h 00 min expires."));
        assert_eq!(row(&[], Some(0)).ends, None);
        assert!(row(&[(DispatchReason::Brake, 371)], None).ends.is_some_and(|said| said.contains("a person releases")));
    }
}
