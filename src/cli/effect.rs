//! What the guards would do with the alerts of a replay, for the terminal.

use super::{
    print,
    table::{aligned, harmless},
};
use crate::{
    app,
    config::Settings,
    database::Database,
    history::{Effect, effect::MOST, explain::count},
    store::operate::filter::{Filter, Move},
};

/// Route by route; `None` for an order that starts nothing, and where the data cannot say: then a note says why.
pub(super) async fn read(
    settings: &Settings,
    store: &Database,
    filter: &Filter,
    what: Move,
) -> anyhow::Result<Option<Vec<Effect>>> {
    if !matches!(what, Move::Replay { .. }) {
        return Ok(None);
    }
    if settings.dispatch.routes.is_none() {
        print::note(format_args!(
            "set POUNDCAKE_ROUTES to the dispatchers' routes file to see what the guards of the routes would do"
        ));
        return Ok(None);
    }
    let effects = app::history(settings, store)?.effect(filter.clone(), what).await?;
    if effects.is_none() {
        print::note(format_args!(
            "what the guards would do is not shown: the routes file cannot be read, or more than {MOST} alerts match"
        ));
    }
    Ok(effects)
}

/// A paragraph for each route.
pub(super) fn text(effects: &[Effect]) -> String {
    effects.iter().map(paragraph).collect()
}

fn paragraph(effect: &Effect) -> String {
    let alerts = count(i64::try_from(effect.rows).unwrap_or(i64::MAX), "alert");
    let head = match &effect.route {
        Some(name) => format!("route {}: {alerts}\n", harmless(name)),
        None => format!("no route matches: {alerts}\n"),
    };
    let parts: Vec<Vec<String>> = effect.parts().into_iter().map(|(what, n)| vec![what, n.to_string()]).collect();
    let lines = aligned(&parts).into_iter().chain(effect.end());
    lines.fold(head, |text, line| text + "  " + &line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{guards::forecast::Forecast, status::DispatchReason};
    use std::collections::BTreeMap;

    #[test]
    fn each_route_has_its_numbers_and_what_becomes_of_those_that_wait() {
        let forecast = Forecast {
            start: 20,
            held: BTreeMap::from([(DispatchReason::Rate, 351)]),
            would_expire: Some(251),
            ..Forecast::default()
        };
        let hosts = Effect { route: Some("hosts".to_owned()), rows: 371, forecast, allowed_age_seconds: 21_600 };
        let skipped = BTreeMap::from([(DispatchReason::NoRoute, 1)]);
        let forecast = Forecast { skipped, ..Forecast::default() };
        let none = Effect { route: None, rows: 1, forecast, allowed_age_seconds: 0 };
        let expected = "\
route hosts: 371 alerts
  start at once     20
  held first, rate  351
  At least 251 of these 371 alerts would expire: they cannot start within 6 h 00 min.
no route matches: 1 alert
  skipped, no_route  1
";
        assert_eq!(text(&[hosts, none]), expected);
    }
}
