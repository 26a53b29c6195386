//! Statements that diesel prepares once per connection and then only runs.
//!
//! diesel prepares whatever contains `sql`, `sql_query` or `eq_any` anew each time, because its text might differ: one more
//! trip to the server, where it is parsed again. In small transactions those trips are most of the work. A test counts what the
//! hot path prepares. (UPDATEs, and INSERTs of many rows, still are prepared each time: diesel's `execute` hands the statement on
//! by reference, and what [`Prepared`] says is lost.)

use diesel::{
    QueryResult, RunQueryDsl,
    backend::Backend,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
};

/// A query that stays prepared; see [`prepared`].
#[derive(Debug, Clone)]
pub(super) struct Prepared<Q>(Q);

/// Keeps a query prepared. Its text must be one of a few, whatever its values are: lists only [`filled`].
pub(super) const fn prepared<Q>(query: Q) -> Prepared<Q> {
    Prepared(query)
}

/// The values of a list, filled up to the next power of two with the last one: lists of all lengths make a handful of
/// statements.
pub(super) fn filled<T: Clone>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, Conn> RunQueryDsl<Conn> for Prepared<Q> {}

/// Known by its text.
impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

/// A command as it stands.
#[cfg(feature = "mysql")]
#[derive(Debug, Clone, Copy)]
pub(super) struct Command(pub(super) &'static str);

#[cfg(feature = "mysql")]
impl RunQueryDsl<diesel::MysqlConnection> for Command {}

/// Known by its text.
#[cfg(feature = "mysql")]
impl QueryId for Command {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

#[cfg(feature = "mysql")]
impl QueryFragment<diesel::mysql::Mysql> for Command {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::mysql::Mysql>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_filled_up_so_that_few_statements_serve_all_lengths() {
        assert_eq!(filled([0; 0]), [0; 0]);
        assert_eq!(filled([7]), [7]);
        assert_eq!(filled([1, 2, 3]), [1, 2, 3, 3]);
        assert_eq!(filled([1, 2, 3, 4]), [1, 2, 3, 4]);
    }
}
