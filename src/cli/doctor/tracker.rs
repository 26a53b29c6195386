//! Checks StackStorm's tables in SQL: they exist, a tracker fills them, and which executions do not end.

use super::finding::Finding;
use crate::{
    app,
    config::Settings,
    database::{Database, DatabaseError},
    logging,
    st2_tables::{St2Tables, tracking},
    store::dispatch::links,
};
use chrono::TimeDelta;
use std::collections::HashSet;

const AREA: &str = "tracker";
/// Alerts are dispatched without the tables.
const WITHOUT: &str = "without these tables history shows no outcomes and `poundcake tracker` does not start";

/// The tables are in a database of their own, or in ours, which is `store` and usable.
pub(super) async fn check(settings: &Settings, store: &Database, usable: bool) -> Vec<Finding> {
    if !usable && matches!(settings.tracker.database(settings.database.tls_files()), Ok(None)) {
        return Vec::new();
    }
    let tables = match app::st2_tables(settings, store, None) {
        Ok(tables) => tables,
        Err(error) => return vec![Finding::unknown(AREA, "settings", format!("{error:#}"))],
    };
    match tables.require_schema().await {
        Ok(()) => {
            let mut findings = vec![Finding::ok(AREA, "tables", tables.store.label()), overdue(&tables).await];
            if usable {
                let running = running(store, &tables).await;
                findings
                    .push(running.unwrap_or_else(|error| Finding::unknown(AREA, "running", logging::chain(&error))));
            }
            findings
        }
        Err(DatabaseError::Schema(text)) => {
            vec![Finding::note(AREA, "tables", text).advice(format!("poundcake migrate up; {WITHOUT}"))]
        }
        Err(error) => vec![
            Finding::wrong(AREA, "tables", logging::chain(&error))
                .advice(format!("start that database, or correct ST2_DATABASE_URL; {WITHOUT}")),
        ],
    }
}

/// A tracker makes the row of a linked execution within seconds.
const PROMPT: TimeDelta = TimeDelta::minutes(1);
/// How many links are checked.
const LOOKED_AT: i64 = 1_000;

/// Whether a tracker runs. It writes only rows of executions, so links without a row show that none runs.
async fn running(store: &Database, tables: &St2Tables) -> Result<Finding, DatabaseError> {
    let (prefix, again) = (tables.prefix.clone(), tables.prefix.clone());
    let mark = tables.store.run(move |conn| tracking::read_to(conn, &prefix)).await?;
    let linked = store.run(move |conn| links::older(conn, mark, PROMPT, LOOKED_AT)).await?;
    let ids: Vec<String> = linked.iter().map(|(id, _)| id.clone()).collect();
    let rows = tables.store.run(move |conn| tracking::tracked(conn, &again, &ids)).await?;
    let known: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let mut unread = linked.iter().filter(|(id, _)| !known.contains(id.as_str()));
    let Some((first, seconds)) = unread.next() else {
        return Ok(Finding::ok(AREA, "running", "every execution linked more than a minute ago has its row"));
    };
    let found = format!("{} linked executions have no row, the first ({first}) for {seconds} s", unread.count() + 1);
    Ok(Finding::note(AREA, "running", found).advice(
        "start poundcake tracker if none runs; if one runs, its log says what it waits for (StackStorm, the database)",
    ))
}

async fn overdue(tables: &St2Tables) -> Finding {
    let prefix = tables.prefix.clone();
    let counted = tables.store.run(move |conn| tracking::counts(conn, &prefix)).await;
    let [(_, followed), (_, overdue)] = match counted {
        Ok(counts) => counts,
        Err(error) => return Finding::unknown(AREA, "executions", logging::chain(&error)),
    };
    let found = format!("{followed} followed, {overdue} for longer than POUNDCAKE_EXECUTION_DEADLINE");
    if overdue == 0 {
        return Finding::ok(AREA, "executions", found);
    }
    Finding::note(AREA, "executions", found).advice(
        "a killed runner leaves its execution running forever: list them with st2 execution list --status running, then run st2 execution cancel",
    )
}
