//! How far the tracker has read the links, where it keeps that in another database (`ST2_DATABASE_URL`), which was not restored.
//!
//! It reads links by their ids, behind a mark. The restored database gives out ids again that it had given out before, so a mark
//! beyond its newest link would hide new ones.

use crate::{
    database::DatabaseError,
    st2_tables::{St2Tables, tracking},
};

/// Moves a mark that is beyond the newest link back to it. Best effort: without it only rows of `execution_db` are missing.
///
/// Crash safety: one statement, and any mark before a link is true.
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
