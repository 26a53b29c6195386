//! What the statements of a dispatch cost MariaDB: its processor time for the claim and the record of each alert, in batches.
//! `SQL='ALTER TABLE …' ONLY=statements make bench` tries another schema.

use super::{
    admission, ingest,
    plan::Plan,
    point::{Figures, Place, Points},
    rows::Rows,
    stats,
    usage::Usage,
    world::{Database, World},
};
use diesel::connection::SimpleConnection;
use poundcake::{
    database::{self, connect::DatabaseUrl, connection::AnyConnection},
    model::{
        guards::step::{ClaimStep, Routed},
        ids::AlertId,
        target::{ActionRef, Target},
    },
    store::dispatch::{
        claim::{self, ClaimPolicy, ClaimRequest, Claimed},
        record,
    },
};
use std::time::Duration;

/// Alerts of one transaction: what a busy dispatcher has.
const BATCH: usize = 64;
/// Alerts that are inserted at once.
const ROWS: usize = 500;

/// One round.
pub fn round(world: &World, plan: &Plan, database: &Database, points: &mut Points) -> anyhow::Result<()> {
    ingest::reset(world, database)?;
    let mut conn = database.connect()?;
    if let Some(sql) = &plan.sql {
        conn.batch_execute(sql)?;
    }
    let mut rows = Rows::new(1);
    let mut ids = Vec::new();
    let inserted = Cost::begin(world);
    for _ in 0..plan.backlog / ROWS {
        ids.extend(rows.insert(&mut conn, ROWS, "queued")?.pairs().map(|(id, _)| AlertId(id)));
    }
    let mut figures = Figures::from([("insert_us".to_owned(), inserted.each(ids.len()))]);
    let store = database::Database::new(DatabaseUrl::parse(&database.url)?, 1);
    let mut conn = store.connect()?;
    let claims = Cost::begin(world);
    let mut claimed = Vec::new();
    for ids in ids.chunks(BATCH) {
        claimed.push(claim(&mut conn, ids)?);
    }
    figures.insert("claim_us".to_owned(), claims.each(ids.len()));
    let records = Cost::begin(world);
    for claimed in claimed {
        record::record(&mut conn, &claimed.iter().map(admission::recorded).collect::<Vec<_>>())?;
    }
    figures.insert("record_us".to_owned(), records.each(ids.len()));
    points.add(Place::new("statements", 1, BATCH), figures);
    Ok(())
}

/// Processor time of MariaDB.
struct Cost(Usage);

impl Cost {
    fn begin(world: &World) -> Self {
        Self(Usage::of(&world.servers[..1]))
    }

    /// Microseconds for each of so many rows.
    fn each(&self, rows: usize) -> f64 {
        self.0.seconds().into_iter().sum::<f64>() * 1e6 / stats::float(rows)
    }
}

fn claim(conn: &mut AnyConnection, ids: &[AlertId]) -> anyhow::Result<Vec<Claimed>> {
    let target = Target::Action(ActionRef::parse("core.noop").map_err(|error| anyhow::anyhow!("{error}"))?);
    let step = |_: claim::Claimable<'_>| {
        ClaimStep::Start(Routed { route: "hosts".to_owned(), target: target.clone(), guard_target: None })
    };
    let policy = ClaimPolicy { lease: Duration::from_mins(2), step: &step };
    let requests: Vec<ClaimRequest> = ids.iter().map(|id| ClaimRequest { alert_id: *id, generation: 0 }).collect();
    let claimed = claim::claim(conn, &requests, &uuid::Uuid::new_v4().to_string(), &policy)?.claimed;
    anyhow::ensure!(claimed.len() == ids.len(), "{} of {} were claimed", claimed.len(), ids.len());
    Ok(claimed)
}
