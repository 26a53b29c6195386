//! What a replay would meet: the routes that its alerts would take now, and what their guards would do.

mod words;

use super::{History, HistoryError, KnownRoutes};
use crate::{
    database::{DatabaseError, connection::AnyConnection},
    dispatcher::routing::route::Route,
    model::{
        guards::{
            admission::Counts,
            forecast::{Forecast, Joining, Paused, forecast},
        },
        pause::Pause,
        status::DispatchReason,
    },
    store::{
        dispatch::{
            admission::{self, Request, Seen},
            counts::{self, AskedTargets},
        },
        operate::{
            filter::{self, Filter, Move},
            pauses, preview,
        },
        read::{self, RouteGuards},
    },
};
use chrono::NaiveDateTime;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// More rows than this are not looked at one by one.
pub(crate) const MOST: usize = 20_000;
/// Different targets whose starts are looked up.
const MOST_TARGETS: usize = 500;

/// What would become of the alerts of one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// The route that they would take now; absent: none matches.
    pub route: Option<String>,
    /// So many alerts.
    pub rows: usize,
    /// What its guards would do.
    #[serde(flatten)]
    pub forecast: Forecast,
    /// How old an alert of the route may be when it is started: one that is held for longer is `failed/expired`.
    pub allowed_age_seconds: i64,
}

impl History {
    /// Route by route, most alerts first. `None` where the data cannot say: no routes file here, an order that starts nothing,
    /// or too many alerts.
    pub async fn effect(&self, filter: Filter, what: Move) -> Result<Option<Vec<Effect>>, HistoryError> {
        let (Some(known), Move::Replay { .. }) = (self.routes.clone(), what) else { return Ok(None) };
        Ok(self.ours(move |conn| effect(conn, &known, &filter, what)).await?)
    }
}

fn effect(
    conn: &mut AnyConnection,
    known: &KnownRoutes,
    filter: &Filter,
    what: Move,
) -> Result<Option<Vec<Effect>>, DatabaseError> {
    let chosen = filter::choose(conn, filter, what)?;
    if chosen.len() > MOST {
        return Ok(None);
    }
    let (table, rows) = (known.routes.table(), preview::labels(conn, &chosen)?);
    let mut targets: BTreeMap<Option<usize>, Vec<String>> = BTreeMap::new();
    for row in rows {
        let index = table.routes().iter().position(|route| route.matchers.matches(&row.labels.0));
        let route = index.and_then(|index| table.routes().get(index));
        let target = route.map_or_else(String::new, |route| route.guards.target(&row.labels.0, &row.fingerprint));
        targets.entry(index).or_default().push(target);
    }
    let sight = Sight::read(conn, known)?;
    let mut effects = Vec::new();
    for (index, targets) in targets {
        let route = index.and_then(|index| table.routes().get(index));
        effects.push(match route {
            Some(route) => sight.of(conn, known, route, &targets)?,
            None => no_route(targets.len()),
        });
    }
    effects.sort_by_key(|effect| std::cmp::Reverse(effect.rows));
    Ok(Some(effects))
}

fn no_route(rows: usize) -> Effect {
    let skipped = BTreeMap::from([(DispatchReason::NoRoute, rows)]);
    Effect { route: None, rows, forecast: Forecast { skipped, ..Forecast::default() }, allowed_age_seconds: 0 }
}

/// What an admission sees now.
struct Sight {
    now: NaiveDateTime,
    /// By the names of the guarded routes.
    seen: BTreeMap<String, Seen>,
    all_places: Option<(u32, u32)>,
    lines: Vec<RouteGuards>,
    pauses: Vec<Pause>,
}

impl Sight {
    fn read(conn: &mut AnyConnection, known: &KnownRoutes) -> Result<Self, DatabaseError> {
        let table = known.routes.table();
        let (guarded, pauses) = (table.guarded(known.cooldown), pauses::in_force(conn)?);
        let max_in_flight = table.max_in_flight();
        let nothing =
            Request { routes: &guarded, max_in_flight, pauses: &pauses, slots: 0, token: "", lease: Duration::ZERO };
        let admission::Sight { now, routes, all_places } = admission::look(conn, &nothing)?;
        let seen = guarded.iter().map(|route| route.name.clone()).zip(routes).collect();
        Ok(Self { now, seen, all_places, lines: read::guards(conn)?.routes, pauses })
    }

    fn of(
        &self,
        conn: &mut AnyConnection,
        known: &KnownRoutes,
        route: &Route,
        targets: &[String],
    ) -> Result<Effect, DatabaseError> {
        let mut counts = self.seen.get(&route.name).map_or_else(Counts::default, |seen| seen.counts.clone());
        self.count_targets(conn, route, targets, &mut counts)?;
        let allowed_age = route.allowed_age(known.max_age, known.cooldown);
        let joining = Joining {
            policy: &route.guards,
            counts: &counts,
            free_places: self.free_places(route, &counts),
            ahead: self.ahead(route),
            targets,
            paused: self.paused(route),
            allowed_age,
        };
        Ok(Effect {
            route: Some(route.name.clone()),
            rows: targets.len(),
            forecast: forecast(&joining, self.now),
            allowed_age_seconds: allowed_age.num_seconds(),
        })
    }

    fn paused(&self, route: &Route) -> Paused {
        let covers = |pause: &&Pause| pause.covers_route(&route.name) && !pause.is_over(self.now);
        let ends: Vec<_> = self.pauses.iter().filter(covers).map(|pause| pause.until).collect();
        match ends.iter().flatten().max() {
            _ if ends.contains(&None) => Paused::WithoutEnd,
            Some(last) => Paused::Until(*last),
            None => Paused::No,
        }
    }

    /// The starts of each target; of the first ones where there are very many, and then fewer alerts are said to be held.
    fn count_targets(
        &self,
        conn: &mut AnyConnection,
        route: &Route,
        targets: &[String],
        counts: &mut Counts,
    ) -> Result<(), DatabaseError> {
        let Some(per_target) = &route.guards.per_target else { return Ok(()) };
        let mut different: Vec<&String> = targets.iter().collect();
        different.sort_unstable();
        different.dedup();
        let mut asked = AskedTargets::default();
        for target in different.into_iter().take(MOST_TARGETS) {
            asked.ask(&route.name, target, &per_target.rates);
        }
        let known = counts::targets(conn, &asked, self.now)?;
        counts.target_starts = known.into_iter().map(|((_, target), count)| (target, count.starts)).collect();
        Ok(())
    }

    fn free_places(&self, route: &Route, counts: &Counts) -> Option<usize> {
        let free = |limit: u32, used: u32| usize::try_from(limit.saturating_sub(used)).unwrap_or(usize::MAX);
        let own = route.guards.max_in_flight.map(|limit| free(limit, counts.places));
        let all = self.all_places.map(|(limit, used)| free(limit, used));
        own.into_iter().chain(all).min()
    }

    /// Rows that stand in the route's line.
    fn ahead(&self, route: &Route) -> usize {
        let line = self.lines.iter().find(|line| line.route.as_deref() == Some(&route.name));
        let rows: i64 = line.map_or(0, |line| {
            let stands = |reason| {
                matches!(reason, Some(DispatchReason::InFlight | DispatchReason::Rate | DispatchReason::Brake))
            };
            line.held.iter().filter(|held| stands(held.reason)).map(|held| held.rows).sum::<i64>()
        });
        usize::try_from(rows).unwrap_or_default()
    }
}
