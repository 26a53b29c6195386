//! Statements that diesel prepares once per connection and then only runs.
//!
//! diesel prepares every UPDATE, every INSERT of many rows, and whatever contains `sql`, `sql_query` or `eq_any` again each time,
//! because its text might differ: one more trip to the server, where it is parsed again. In small transactions those trips are
//! most of the work. A test counts what the hot path prepares. (INSERTs of webhooks and alerts still are prepared each time.)

use super::schema::poundcake_alerts;
use crate::model::ids::AlertId;
use chrono::NaiveDateTime;
use diesel::{
    AppearsOnTable, Expression, NullableExpressionMethods, QueryResult, RunQueryDsl, SelectableExpression,
    backend::Backend,
    expression::{AsExpression, TypedExpressionType, ValidGrouping, is_aggregate},
    query_builder::{AsChangeset, AstPass, Query, QueryFragment},
    serialize::ToSql,
    sql_types::{BigInt, Bool, HasSqlType, Nullable, Timestamp},
};
use std::marker::PhantomData;

/// For what diesel finds again by its text, not by its type: the type, and its parameters.
macro_rules! known_by_text {
    ($type:ty $(, $parameter:ident)*) => {
        impl<$($parameter),*> diesel::query_builder::QueryId for $type {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }
    };
}
pub(crate) use known_by_text;

/// A query that stays prepared; see [`prepared`].
#[derive(Debug, Clone)]
pub(crate) struct Prepared<Q>(Q);

/// Keeps a query prepared. Its text must be one of a few, whatever its values are: lists only [`filled`].
pub(crate) const fn prepared<Q>(query: Q) -> Prepared<Q> {
    Prepared(query)
}

/// The values of a list, filled up to the next power of two with the last one: lists of all lengths make a handful of
/// statements.
pub(crate) fn filled<T: Clone>(values: impl IntoIterator<Item = T>) -> Vec<T> {
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

known_by_text!(Prepared<Q>, Q);

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

/// An UPDATE of alerts that stays prepared; see [`update`].
#[derive(Debug, Clone)]
pub(crate) struct Update<P, C> {
    condition: P,
    changes: C,
}

/// Like [`diesel::update`], whose statements never stay prepared. (What [`Prepared`] says does not help there: diesel's
/// `execute` hands the statement on by reference, and it is lost.) The condition must not contain `sql` nor `eq_any`;
/// [`among`] takes its place.
pub(crate) fn update<P, V>(condition: P, values: V) -> Update<P, V::Changeset>
where
    P: Expression<SqlType = Bool> + AppearsOnTable<poundcake_alerts::table>,
    V: AsChangeset<Target = poundcake_alerts::table>,
{
    Update { condition, changes: values.as_changeset() }
}

impl<P, C, Conn> RunQueryDsl<Conn> for Update<P, C> {}

known_by_text!(Update<P, C>, P, C);

impl<P, C, DB> QueryFragment<DB> for Update<P, C>
where
    DB: Backend,
    P: QueryFragment<DB>,
    C: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        out.push_identifier("poundcake_alerts")?;
        out.push_sql(" SET ");
        self.changes.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE ");
        self.condition.walk_ast(out)
    }
}

/// Rows by their ids; see [`among`].
#[derive(Debug, Clone)]
pub(crate) struct Among(Vec<AlertId>);

/// Alerts with one of these ids: `eq_any` with a list that is [`filled`].
pub(crate) fn among(ids: impl IntoIterator<Item = AlertId>) -> Among {
    Among(filled(ids))
}

impl Expression for Among {
    type SqlType = Bool;
}

impl AppearsOnTable<poundcake_alerts::table> for Among {}

impl ValidGrouping<()> for Among {
    type IsAggregate = is_aggregate::No;
}

known_by_text!(Among);

impl<DB> QueryFragment<DB> for Among
where
    DB: Backend + HasSqlType<BigInt>,
    AlertId: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if self.0.is_empty() {
            out.push_sql("1 = 0");
            return Ok(());
        }
        out.push_sql("poundcake_alerts.id IN (");
        for (index, id) in self.0.iter().enumerate() {
            out.push_sql(if index == 0 { "" } else { ", " });
            out.push_bind_param::<BigInt, AlertId>(id)?;
        }
        out.push_sql(")");
        Ok(())
    }
}

/// A value for each row; see [`each_row`].
#[derive(Debug, Clone)]
pub(crate) struct EachRow<ST, T> {
    values: Vec<(AlertId, T)>,
    sql_type: PhantomData<ST>,
}

/// In an UPDATE of alerts: each of them has a value of its own. NULL in rows that are not named. The list is [`filled`].
pub(crate) fn each_row<ST, T: Clone>(values: impl IntoIterator<Item = (AlertId, T)>) -> EachRow<ST, T> {
    EachRow { values: filled(values), sql_type: PhantomData }
}

impl<ST: diesel::sql_types::SqlType + TypedExpressionType, T> Expression for EachRow<ST, T> {
    type SqlType = ST;
}

impl<ST, T> AppearsOnTable<poundcake_alerts::table> for EachRow<ST, T> where Self: Expression {}

impl<ST, T> ValidGrouping<()> for EachRow<ST, T> {
    type IsAggregate = is_aggregate::No;
}

known_by_text!(EachRow<ST, T>, ST, T);

impl<ST, T, DB> QueryFragment<DB> for EachRow<ST, T>
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<ST>,
    AlertId: ToSql<BigInt, DB>,
    T: ToSql<ST, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("CASE poundcake_alerts.id");
        for (id, value) in &self.values {
            out.push_sql(" WHEN ");
            out.push_bind_param::<BigInt, AlertId>(id)?;
            out.push_sql(" THEN ");
            out.push_bind_param::<ST, T>(value)?;
        }
        out.push_sql(" END");
        Ok(())
    }
}

/// The moment of a statement, as an expression; see [`super::transaction::clock`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// The database fills it in: no trip is needed to ask for it.
    #[cfg(feature = "mysql")]
    Statement,
    /// Known already.
    At(NaiveDateTime),
}

impl Expression for Clock {
    type SqlType = Timestamp;
}

/// In columns that may be NULL.
impl AsExpression<Nullable<Timestamp>> for Clock {
    type Expression = diesel::dsl::Nullable<Self>;

    fn as_expression(self) -> Self::Expression {
        self.nullable()
    }
}

impl<Source> AppearsOnTable<Source> for Clock {}

impl<Source> SelectableExpression<Source> for Clock {}

impl<Grouped> ValidGrouping<Grouped> for Clock {
    type IsAggregate = is_aggregate::Never;
}

known_by_text!(Clock);

impl<DB> QueryFragment<DB> for Clock
where
    DB: Backend + HasSqlType<Timestamp>,
    NaiveDateTime: ToSql<Timestamp, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        match self {
            #[cfg(feature = "mysql")]
            Self::Statement => out.push_sql("UTC_TIMESTAMP(6)"),
            Self::At(now) => out.push_bind_param::<Timestamp, _>(now)?,
        }
        Ok(())
    }
}

/// A command as it stands.
#[cfg(feature = "mysql")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command(pub(crate) &'static str);

#[cfg(feature = "mysql")]
impl RunQueryDsl<diesel::MysqlConnection> for Command {}

#[cfg(feature = "mysql")]
known_by_text!(Command);

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
