//! Which of the older system's tables exist, and their current names.

use super::columns::Columns;
use crate::database::{
    DatabaseError,
    connection::AnyConnection,
    migrations::{self, OUR_TABLES},
};

/// Before the name of a table that had one of ours.
const PREFIX: &str = "legacy_";
/// What execution links were called before there was a link table.
const EXTENSIONS: &str = "poundcake_st2_execution_extensions";
/// Without a successor, those that refer to others first: StackStorm holds actions, rules and workflows itself.
const UNUSED: [&str; 6] = [
    "poundcake_st2_action_extensions",
    "poundcake_st2_rule_extensions",
    "poundcake_st2_webhook_extensions",
    "custom_action_bucket_steps",
    "actions",
    "custom_action_buckets",
];

/// The old tables by their present names; `None` where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Old {
    /// Webhooks.
    pub(crate) calls: Option<String>,
    /// Alerts, one row a fingerprint.
    pub(crate) alerts: Option<String>,
    /// Links, where the installation was new enough to have them.
    pub(crate) link: Option<String>,
    /// Links with their steps.
    pub(crate) extensions: Option<String>,
    /// Tables without a successor.
    pub(crate) unused: Vec<String>,
}

impl Old {
    pub(crate) fn find(conn: &mut AnyConnection) -> Result<Self, DatabaseError> {
        let [calls, alerts, link] = OUR_TABLES;
        let mut unused = Vec::new();
        let has_buckets = migrations::table_exists(conn, "custom_action_buckets")?;
        for table in UNUSED {
            // `actions` alone may be anybody's.
            if migrations::table_exists(conn, table)? && (table != "actions" || has_buckets) {
                unused.push(table.to_owned());
            }
        }
        Ok(Self {
            calls: shared(conn, calls)?,
            alerts: shared(conn, alerts)?,
            link: shared(conn, link)?,
            extensions: migrations::table_exists(conn, EXTENSIONS)?.then(|| EXTENSIONS.to_owned()),
            unused,
        })
    }

    /// Where links are, in the order in which they are taken over.
    pub(crate) fn links(&self) -> Vec<String> {
        [&self.link, &self.extensions].into_iter().flatten().cloned().collect()
    }

    /// Every table, those that refer to others first.
    pub(crate) fn all(&self) -> Vec<String> {
        let copied = [&self.extensions, &self.link, &self.alerts, &self.calls];
        copied.into_iter().flatten().chain(&self.unused).cloned().collect()
    }

    /// Those that still stand in the way of our own.
    pub(crate) fn to_rename(&self) -> Vec<String> {
        let shared = [&self.calls, &self.alerts, &self.link].into_iter().flatten();
        shared.filter(|table| !table.starts_with(PREFIX)).cloned().collect()
    }

    /// Fails, before anything is changed, for a table of our name that is something else.
    pub(crate) fn check(&self, conn: &mut AnyConnection) -> Result<(), DatabaseError> {
        let needed: [(&Option<String>, &[&str]); 4] = [
            (&self.calls, &["id", "request_id"]),
            (&self.alerts, &["id", "api_call_id", "fingerprint"]),
            (&self.link, &["id", "alert_id", "st2_execution_id"]),
            (&self.extensions, &["id", "alert_id", "st2_execution_id"]),
        ];
        for (table, columns) in needed {
            let Some(table) = table else { continue };
            let there = Columns::of(conn, table)?;
            if let Some(missing) = columns.iter().find(|column| !there.has(column)) {
                return Err(DatabaseError::Schema(format!(
                    "the table {table} has no column {missing}: it is none of the older PoundCake; nothing was changed"
                )));
            }
        }
        Ok(())
    }
}

/// The new name of an old table.
pub(crate) fn renamed(table: &str) -> String {
    format!("{PREFIX}{table}")
}

/// An old table that has one of our names, or had one.
fn shared(conn: &mut AnyConnection, table: &str) -> Result<Option<String>, DatabaseError> {
    let aside = renamed(table);
    let is_foreign = migrations::table_exists(conn, table)? && !migrations::is_ours(conn, table)?;
    match (migrations::table_exists(conn, &aside)?, is_foreign) {
        (true, true) => Err(DatabaseError::Schema(format!(
            "{aside} is there already, and so is another {table} that these migrations did not make: has the older \
             PoundCake been started again? Stop it, and move or drop the newer {table}; nothing was changed"
        ))),
        (true, false) => Ok(Some(aside)),
        (false, true) => Ok(Some(table.to_owned())),
        (false, false) => Ok(None),
    }
}
