//! StackStorm's tables in SQL: there, this program's, and which executions do not come to an end.

use super::finding::Finding;
use crate::{
    cli::assemble,
    config::Settings,
    logging,
    store::{
        Store, StoreError,
        executions::{St2Tables, watch},
    },
};

const AREA: &str = "tracker";
/// Alerts are dispatched without the tables.
const WITHOUT: &str = "without these tables history shows no outcomes and `poundcake tracker` does not start";

/// The tables stand in their own database, or in ours, which is `store` and usable.
pub(super) async fn check(settings: &Settings, store: &Store, usable: bool) -> Vec<Finding> {
    if !usable && matches!(settings.tracker.database(settings.database.tls_files()), Ok(None)) {
        return Vec::new();
    }
    let tables = match assemble::st2_tables(settings, store, None) {
        Ok(tables) => tables,
        Err(error) => return vec![Finding::unknown(AREA, "settings", format!("{error:#}"))],
    };
    match tables.require_schema().await {
        Ok(()) => vec![Finding::ok(AREA, "tables", tables.store.label()), overdue(&tables).await],
        Err(StoreError::Schema(text)) => {
            vec![Finding::note(AREA, "tables", text).advice(format!("poundcake migrate up; {WITHOUT}"))]
        }
        Err(error) => vec![
            Finding::wrong(AREA, "tables", logging::chain(&error))
                .advice(format!("start that database, or set ST2_DATABASE_URL right; {WITHOUT}")),
        ],
    }
}

async fn overdue(tables: &St2Tables) -> Finding {
    let prefix = tables.prefix.clone();
    let counted = tables.store.run(move |conn| watch::counts(conn, &prefix)).await;
    let [(_, followed), (_, overdue)] = match counted {
        Ok(counts) => counts,
        Err(error) => return Finding::unknown(AREA, "executions", logging::chain(&error)),
    };
    let found = format!("{followed} followed, {overdue} for longer than POUNDCAKE_EXECUTION_DEADLINE");
    if overdue == 0 {
        return Finding::ok(AREA, "executions", found);
    }
    Finding::note(AREA, "executions", found).advice(
        "a killed runner leaves its execution running for ever: look with st2 execution list --status running, then st2 execution cancel",
    )
}
