//! Finds links that have no row yet.
//!
//! Links are read by id. Ids are handed out at the INSERT and seen after the COMMIT, so a smaller one can appear after a
//! larger one: the fresh ones are read twice a second from the largest id seen, and every ten seconds once more from the
//! mark, which stays minutes behind and before every link whose execution has no row. The mark is in the database: a
//! restart reads from there.

use super::followed::Watched;
use crate::{
    database::{Database, DatabaseError},
    st2_tables::{St2Tables, Tracking, tracking},
    stackstorm::ExecutionId,
    store::dispatch::links::{self, LinkSeen},
};
use std::{
    collections::{BTreeSet, HashMap},
    time::Instant,
};

/// Links of one read.
const PAGE: i64 = 2_000;

/// The reader of the links.
pub(super) struct Links {
    store: Database,
    tables: St2Tables,
    /// Every link up to it has its row.
    mark: i64,
    /// The largest id seen.
    highest: i64,
    /// What was read behind the mark.
    read: BTreeSet<i64>,
    /// Those of them whose execution has no row yet.
    without_row: BTreeSet<i64>,
}

impl Links {
    pub(super) const fn new(store: Database, tables: St2Tables) -> Self {
        Self { store, tables, mark: 0, highest: 0, read: BTreeSet::new(), without_row: BTreeSet::new() }
    }

    /// Takes up where the rows end: the mark, and what is not finished.
    pub(super) async fn resume(&mut self, watched: &mut Watched) -> Result<(), DatabaseError> {
        let prefix = self.tables.prefix.clone();
        let (mark, unfinished) = self
            .tables
            .store
            .run(move |conn| Ok((tracking::read_to(conn, &prefix)?, tracking::unfinished(conn, &prefix)?)))
            .await?;
        (self.mark, self.highest) = (mark, mark);
        let now = Instant::now();
        let count = unfinished.len();
        for row in unfinished {
            let parent = row.parent.as_deref().map(ExecutionId::parse).transpose();
            match (ExecutionId::parse(&row.id), parent) {
                (Ok(id), Ok(parent)) => watched.add(id, parent, now),
                (_, Err(error)) | (Err(error), _) => {
                    let (id, parent) = (row.id, row.parent.unwrap_or_default());
                    log::error!(
                        event = "row_unreadable", id, parent, error:%;
                        "this row of execution_db cannot be read; not following it"
                    );
                }
            }
        }
        log::info!(event = "following_executions", unfinished = count, links_read_to = mark; "following executions");
        Ok(())
    }

    /// Reads what was added behind the largest id seen.
    pub(super) async fn read_fresh(&mut self, watched: &mut Watched) -> Result<(), DatabaseError> {
        self.read_from(self.highest, watched).await.map(|_| ())
    }

    /// Reads everything behind the mark, and moves it.
    pub(super) async fn sweep(&mut self, watched: &mut Watched) -> Result<(), DatabaseError> {
        let gapless = self.read_from(self.mark, watched).await?;
        let limit = self.without_row.first().map_or(i64::MAX, |first| first - 1);
        let mark = gapless.min(limit);
        if mark > self.mark {
            let prefix = self.tables.prefix.clone();
            self.tables.store.run(move |conn| tracking::set_read_to(conn, &prefix, mark)).await?;
            self.mark = mark;
            self.read = self.read.split_off(&(mark + 1));
        }
        Ok(())
    }

    /// The execution of this link has its row.
    pub(super) fn has_row(&mut self, link: i64) {
        self.without_row.remove(&link);
    }

    /// Returns the largest gapless id among what it read.
    async fn read_from(&mut self, from: i64, watched: &mut Watched) -> Result<i64, DatabaseError> {
        let (mut after, mut gapless) = (from, from);
        loop {
            let page = self.store.run(move |conn| links::after(conn, after, PAGE)).await?;
            let Some(last) = page.last() else { return Ok(gapless) };
            after = last.id;
            self.highest = self.highest.max(after);
            gapless = page.iter().filter(|link| link.gapless).map(|link| link.id).max().unwrap_or(gapless).max(gapless);
            let full = i64::try_from(page.len()).is_ok_and(|length| length == PAGE);
            let new: Vec<LinkSeen> = page.into_iter().filter(|link| !self.read.contains(&link.id)).collect();
            self.follow(new, watched).await?;
            if !full {
                return Ok(gapless);
            }
        }
    }

    async fn follow(&mut self, links: Vec<LinkSeen>, watched: &mut Watched) -> Result<(), DatabaseError> {
        let ids: Vec<String> = links.iter().map(|link| link.execution_id.clone()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let prefix = self.tables.prefix.clone();
        let rows = self.tables.store.run(move |conn| tracking::tracked(conn, &prefix, &ids)).await?;
        let rows: HashMap<String, Tracking> = rows.into_iter().map(|row| (row.id, row.tracking)).collect();
        let now = Instant::now();
        for link in links {
            self.read.insert(link.id);
            let Ok(id) = ExecutionId::parse(&link.execution_id) else {
                let (link_id, id) = (link.id, &link.execution_id);
                log::error!(
                    event = "row_unreadable", link_id, id;
                    "st2_execution_id of this link is not a StackStorm id; not following it"
                );
                continue;
            };
            match rows.get(&link.execution_id) {
                None => {
                    self.without_row.insert(link.id);
                    watched.add_link(&id, link.id, link.action_ref, now);
                }
                Some(Tracking::Following | Tracking::Overdue) if !watched.contains(&id) => watched.add(id, None, now),
                Some(_) => {}
            }
        }
        Ok(())
    }
}
