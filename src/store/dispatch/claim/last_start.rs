//! When the fingerprint of a row was last started, by any alert and generation: part of the claim's own SELECT.

use crate::database::{prepared::known_by_text, schema::poundcake_alerts};
use diesel::{
    AppearsOnTable, Expression, SelectableExpression,
    backend::Backend,
    expression::{ValidGrouping, is_aggregate},
    query_builder::{AstPass, QueryFragment},
    result::QueryResult,
    sql_types::{Nullable, Timestamp},
};

/// The newest start of the row's fingerprint: one look into an index each. A link keeps the start that a replay takes from its
/// row, so the later of both counts.
///
/// The row's own start is left out: a locking SELECT that waited for the row has its newest version, but its subqueries read as
/// of the moment when the statement began, and would find the start that was given up meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LastStart {
    /// Among the alerts.
    OfAlerts,
    /// Among the links.
    OfLinks,
}

impl LastStart {
    const fn sql(self) -> &'static str {
        match self {
            Self::OfAlerts => {
                "(SELECT s.started_at FROM poundcake_alerts s WHERE s.started_fingerprint = poundcake_alerts.fingerprint \
                 AND s.id <> poundcake_alerts.id ORDER BY s.started_at DESC LIMIT 1)"
            }
            Self::OfLinks => {
                "(SELECT l.started_at FROM poundcake_st2_execution_link l WHERE l.fingerprint = poundcake_alerts.fingerprint \
                 AND l.started_at IS NOT NULL ORDER BY l.started_at DESC LIMIT 1)"
            }
        }
    }
}

impl Expression for LastStart {
    type SqlType = Nullable<Timestamp>;
}

impl AppearsOnTable<poundcake_alerts::table> for LastStart {}

impl SelectableExpression<poundcake_alerts::table> for LastStart {}

impl<Grouped> ValidGrouping<Grouped> for LastStart {
    type IsAggregate = is_aggregate::Never;
}

known_by_text!(LastStart);

impl<DB: Backend> QueryFragment<DB> for LastStart {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.sql());
        Ok(())
    }
}
