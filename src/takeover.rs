//! The tables of the older PoundCake, taken over by `poundcake migrate legacy`; MariaDB only.
//!
//! [`survey()`] counts and changes nothing. [`Takeover`] then goes forward in steps, each of which is one statement or one
//! transaction, and each finds out from the database whether it is still to be done: killed anywhere, the next run goes on.
//! 1. The old tables that share our names are renamed to `legacy_…`; foreign keys to them follow.
//! 2. A row in `__diesel_schema_migrations` says that a takeover is in progress: no other process starts.
//! 3. The migrations; `AUTO_INCREMENT` above the old ids.
//! 4. Webhooks, alerts, links, in windows of ascending ids. What is there already is passed over.
//! 5. Everything is counted again; only if nothing is missing does the row of step 2 go.
//! 6. With `drop`: counted once more, then the old tables go, one by one, those that refer to others first.
//!
//! What an old alert becomes: with executions `dispatched` and closed, so that the same firing, sent again by Alertmanager,
//! does not run twice, while a later one runs; without any, `skipped/resolved` outside every episode, which bars nothing. Both are
//! final, so no process looks at them again, and a replay takes neither by a filter alone.

mod alerts;
mod calls;
mod columns;
mod ddl;
mod judge;
mod links;
mod old;
mod recount;
mod survey;
mod values;
mod window;

pub use survey::{Loss, Surveyed, Table, survey};

use crate::database::{DatabaseError, connection::AnyConnection, migrations};
use old::Old;
use std::fmt;

/// One step that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These tables have a new name.
    Renamed(Vec<String>),
    /// No process starts from now on.
    Begun,
    /// This migration was applied.
    Migrated(String),
    /// New rows get ids above the old ones.
    Numbered,
    /// A window of rows was looked at.
    Copied {
        /// The old table.
        table: String,
        /// Rows that were copied; those that were there or cannot be copied do not count.
        rows: usize,
        /// The last id looked at.
        up_to: i64,
    },
    /// Everything was counted and is there; processes start again.
    Finished,
    /// This old table is gone.
    Dropped(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed(tables) => write!(f, "renamed to legacy_…: {}", tables.join(", ")),
            Self::Begun => write!(f, "begun: no process starts until this is finished"),
            Self::Migrated(version) => write!(f, "applied {version}"),
            Self::Numbered => write!(f, "new ids go on above the old ones"),
            Self::Copied { table, rows, up_to } => write!(f, "{table}: {rows} rows copied, up to id {up_to}"),
            Self::Finished => write!(f, "counted: nothing is missing"),
            Self::Dropped(table) => write!(f, "dropped {table}"),
        }
    }
}

/// Where a takeover stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Rename,
    Begin,
    Migrate,
    Number,
    Calls { after: i64 },
    Alerts { after: i64 },
    Links { source: usize, after: i64 },
    Finish,
    Check,
    Drop,
    Done,
}

/// A takeover, step by step.
#[derive(Debug)]
pub struct Takeover {
    phase: Phase,
    drop: bool,
}

/// Below every id.
const START: i64 = i64::MIN;

/// Takes everything over under the lock of `migrate up`; `drop` also drops the old tables.
pub fn run(conn: &mut AnyConnection, drop: bool, on_step: impl Fn(&Step)) -> Result<(), DatabaseError> {
    refuse_sqlite(conn)?;
    migrations::locked(conn, |conn| {
        let mut takeover = Takeover::begin(conn, drop)?;
        while let Some(step) = takeover.step(conn)? {
            on_step(&step);
        }
        Ok(())
    })
}

impl Takeover {
    /// Looks whether it can be done at all. The caller holds the lock, or is alone.
    pub fn begin(conn: &mut AnyConnection, drop: bool) -> Result<Self, DatabaseError> {
        refuse_sqlite(conn)?;
        ddl::set_session(conn)?;
        let old = Old::find(conn)?;
        old.check(conn)?;
        if drop {
            ddl::refuse_foreign_references(conn, &old)?;
        }
        Ok(Self { phase: Phase::Rename, drop })
    }

    /// Takes the next step that is still to be taken; `None` at the end.
    pub fn step(&mut self, conn: &mut AnyConnection) -> Result<Option<Step>, DatabaseError> {
        while self.phase != Phase::Done {
            let old = Old::find(conn)?;
            let (step, next) = self.one(conn, &old)?;
            self.phase = next;
            if step.is_some() {
                return Ok(step);
            }
        }
        Ok(None)
    }

    /// A step, if there was anything to do, and the phase to go on with.
    fn one(&self, conn: &mut AnyConnection, old: &Old) -> Result<(Option<Step>, Phase), DatabaseError> {
        let copied = |window: Option<window::Copied>, table: &Option<String>| {
            let table = table.clone().unwrap_or_default();
            window.map(|window| (window.last, Step::Copied { table, rows: window.rows, up_to: window.last }))
        };
        Ok(match self.phase {
            Phase::Rename if ddl::is_complete(conn)? => (None, self.last()),
            Phase::Rename => (ddl::rename(conn, old)?.map(Step::Renamed), Phase::Begin),
            Phase::Begin => (ddl::begin(conn)?.then_some(Step::Begun), Phase::Migrate),
            Phase::Migrate => match ddl::migrate(conn)? {
                Some(version) => (Some(Step::Migrated(version)), Phase::Migrate),
                None => (None, Phase::Number),
            },
            Phase::Number => (ddl::number(conn, old)?.then_some(Step::Numbered), Phase::Calls { after: START }),
            Phase::Calls { after } => match copied(calls::copy(conn, old, after)?, &old.calls) {
                Some((last, step)) => (Some(step), Phase::Calls { after: last }),
                None => (None, Phase::Alerts { after: START }),
            },
            Phase::Alerts { after } => match copied(alerts::copy(conn, old, after)?, &old.alerts) {
                Some((last, step)) => (Some(step), Phase::Alerts { after: last }),
                None => (None, Phase::Links { source: 0, after: START }),
            },
            Phase::Links { source, after } => match old.links().get(source) {
                Some(table) => match copied(links::copy(conn, old, table, after)?, &Some(table.clone())) {
                    Some((last, step)) => (Some(step), Phase::Links { source, after: last }),
                    None => (None, Phase::Links { source: source + 1, after: START }),
                },
                None => (None, Phase::Finish),
            },
            Phase::Finish => {
                recount::finish(conn, old)?;
                (Some(Step::Finished), self.last())
            }
            Phase::Check => {
                recount::check_before_drop(conn, old)?;
                (None, Phase::Drop)
            }
            Phase::Drop => match ddl::drop_next(conn, old)? {
                Some(table) => (Some(Step::Dropped(table)), Phase::Drop),
                None => (None, Phase::Done),
            },
            Phase::Done => (None, Phase::Done),
        })
    }

    const fn last(&self) -> Phase {
        if self.drop { Phase::Check } else { Phase::Done }
    }
}

fn refuse_sqlite(conn: &AnyConnection) -> Result<(), DatabaseError> {
    if conn.is_single_writer() {
        return Err(DatabaseError::Schema(
            "migrate legacy takes over tables of a MariaDB, and DATABASE_URL names an SQLite file; \
             set it to the older installation's mysql:// URL"
                .to_owned(),
        ));
    }
    Ok(())
}
