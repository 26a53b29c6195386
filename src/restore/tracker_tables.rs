//! The tracker's tables, where they are in another database (`ST2_DATABASE_URL`), which was not restored: they know more than the
//! restored links.
//!
//! - The tracker reads links by their ids, behind a mark. The restored database gives out ids again that it had given out before,
//!   so a mark beyond its newest link would hide new ones.
//! - It follows no execution that has ended, so it would never write that end into a link that the backup has as running.
//!
//! Both are best effort: without the first only rows of `execution_db` are missing, and without the second dispatchers ask StackStorm
//! for the places of full routes.

use crate::{
    database::{Database, DatabaseError},
    model::execution_status::ExecutionStatus,
    st2_tables::{Found, Outcome, St2Tables, Tracking, tracking},
    store::dispatch::places,
};

/// Executions that take places, of one look.
const MOST: i64 = 2_000;
/// Executions of one question.
const PAGE: usize = 500;

/// Moves a mark that is beyond the newest link of the backup back to it.
///
/// Crash safety: one statement, and any mark before a link is true. What this command itself has linked lies behind the mark, however
/// often it is run.
pub(super) async fn rewind(tables: &St2Tables, newest_link: i64, progress: &dyn Fn(&str)) {
    let prefix = tables.prefix.clone();
    let done = tables.store.run(move |conn| {
        let mark = tracking::read_to(conn, &prefix)?;
        if mark > newest_link {
            tracking::set_read_to(conn, &prefix, newest_link)?;
        }
        Ok::<_, DatabaseError>(())
    });
    if let Err(error) = done.await {
        let text = crate::logging::chain(&error);
        progress(&format!(
            "it cannot be checked how far the tracker has read the links ({text}). Before the tracker starts, run in ST2_DATABASE_URL: \
             DELETE FROM {} WHERE name = 'links_read_to'",
            tables.prefix.table("tracker_state")
        ));
    }
}

/// Frees the places of executions that have ended, as the tracker's tables say.
pub(super) async fn copy_ends(
    tables: &St2Tables,
    store: &Database,
    progress: &dyn Fn(&str),
) -> Result<(), DatabaseError> {
    let taken = store.run(|conn| places::taken(conn, None, MOST)).await?;
    for page in taken.chunks(PAGE) {
        let ids = page.iter().map(|place| place.execution_id.clone()).collect();
        match tables.outcomes(ids).await {
            Found::Rows(outcomes) => {
                let ends: Vec<(String, String)> = outcomes.into_iter().filter_map(end).collect();
                store.run(move |conn| places::end(conn, &ends)).await?;
            }
            Found::NotThere(why) => {
                progress(&format!("the tracker's tables do not say which executions have ended: {why}"));
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The end of an execution, as a link has it.
fn end(Outcome { id, status, tracking, .. }: Outcome) -> Option<(String, String)> {
    let is_terminal = |status: &String| status.parse().is_ok_and(ExecutionStatus::is_terminal);
    let gone = || (tracking == Tracking::Gone).then(|| places::GONE.to_owned());
    Some((id, status.filter(is_terminal).or_else(gone)?))
}
