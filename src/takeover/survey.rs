//! Counts the old rows: existing, copied, and impossible to copy. Only reads.

use super::{alerts, calls, columns::Columns, ddl, judge::Judge, links, old::Old};
use crate::{
    database::{
        DatabaseError,
        connection::AnyConnection,
        migrations::{self, OUR_TABLES},
    },
    model::ids::RequestId,
};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Nullable, Text},
};
use serde::Serialize;

/// What of the older installation is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Surveyed {
    /// True once everything was copied and counted: what is missing since was deleted since.
    pub finished: bool,
    /// Every old table.
    pub tables: Vec<Table>,
    /// Tables of others with foreign keys to these: `--drop` refuses while they are there.
    pub referenced_by: Vec<String>,
}

/// One old table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its present name.
    pub table: String,
    /// The table of ours that its rows go to; `None`: it has no successor, and stays until it is dropped.
    pub into: Option<&'static str>,
    /// Rows in it.
    pub rows: i64,
    /// Those that ours has.
    pub copied: i64,
    /// Those that cannot be copied, by reason.
    pub not_copied: Vec<Loss>,
    /// Those that are copied with a new value for something, by what.
    pub changed: Vec<Loss>,
    /// Columns that ours has no place for.
    pub columns_left: Vec<String>,
}

/// Rows with something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// What.
    pub reason: String,
    /// How many.
    pub rows: i64,
    /// The first of them.
    pub ids: Vec<i64>,
}

impl Table {
    /// Rows that can be copied and are not.
    pub fn missing(&self) -> i64 {
        let lost: i64 = self.not_copied.iter().map(|loss| loss.rows).sum();
        if self.into.is_some() { self.rows - lost - self.copied } else { 0 }
    }
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = BigInt)]
    copied: i64,
    #[diesel(sql_type = Nullable<Text>)]
    ids: Option<String>,
}

/// Counts everything; fails for a table that is none of the older PoundCake.
pub fn survey(conn: &mut AnyConnection) -> Result<Surveyed, DatabaseError> {
    super::refuse_sqlite(conn)?;
    let old = Old::find(conn)?;
    old.check(conn)?;
    let finished = ddl::is_complete(conn)?;
    let referenced_by = ddl::foreign_references(conn, &old)?;
    Ok(Surveyed { finished, tables: tables(conn, &old)?, referenced_by })
}

/// Counts these tables.
pub(crate) fn tables(conn: &mut AnyConnection, old: &Old) -> Result<Vec<Table>, DatabaseError> {
    let mut all = Vec::new();
    if let Some(table) = &old.calls {
        let ours = copied_by_id(conn, OUR_TABLES[0])?;
        let query = format!("SELECT o.id, NULL AS reason, {ours} AS copied FROM `{table}` o");
        let mut counted = of(conn, table, OUR_TABLES[0], &query, &calls::READ)?;
        counted.changed = changed(conn, &made_request_ids(table))?;
        all.push(counted);
    }
    if let Some(table) = &old.alerts {
        let ours = copied_by_id(conn, OUR_TABLES[1])?;
        let call = old.calls.as_ref().map_or_else(
            || "FALSE".to_owned(),
            |calls| format!("EXISTS (SELECT 1 FROM `{calls}` c WHERE c.id = o.api_call_id)"),
        );
        let query = format!(
            "SELECT o.id, IF({call}, NULL, 'its webhook is missing') AS reason, {ours} AS copied FROM `{table}` o"
        );
        let mut counted = of(conn, table, OUR_TABLES[1], &query, &alerts::READ)?;
        counted.changed = changed(conn, &made_fingerprints(table))?;
        all.push(counted);
    }
    for (source, table) in old.links().iter().enumerate() {
        let judged = Judge::new(conn, old)?.all(conn, &old.links())?;
        let ours = if ours_exists(conn, OUR_TABLES[2])? {
            "EXISTS (SELECT 1 FROM poundcake_st2_execution_link n WHERE n.alert_id = j.alert_id \
             AND n.st2_execution_id = j.st2_execution_id)"
        } else {
            "FALSE"
        };
        let query = format!("SELECT j.id, j.reason, {ours} AS copied FROM ({judged}) j WHERE j.source = {source}");
        all.push(of(conn, table, OUR_TABLES[2], &query, &links::READ)?);
    }
    for table in &old.unused {
        let query = format!("SELECT NULL AS id, NULL AS reason, FALSE AS copied FROM `{table}` o");
        let counted = count(conn, &query)?;
        let rows = counted.iter().map(|row| row.n).sum();
        let (not_copied, changed, columns_left) = (Vec::new(), Vec::new(), Vec::new());
        all.push(Table { table: table.clone(), into: None, rows, copied: 0, not_copied, changed, columns_left });
    }
    Ok(all)
}

/// `query` gives id, reason and copied of each row.
fn of(
    conn: &mut AnyConnection,
    table: &str,
    into: &'static str,
    query: &str,
    read: &[&str],
) -> Result<Table, DatabaseError> {
    let counted = count(conn, query)?;
    let columns_left = Columns::of(conn, table)?.except(read);
    let copied = counted.iter().filter(|row| row.reason.is_none()).map(|row| row.copied).sum();
    let rows = counted.iter().map(|row| row.n).sum();
    let (table, not_copied) = (table.to_owned(), losses(counted));
    Ok(Table { table, into: Some(into), rows, copied, not_copied, changed: Vec::new(), columns_left })
}

fn count(conn: &mut AnyConnection, query: &str) -> Result<Vec<Counted>, DatabaseError> {
    Ok(diesel::sql_query(format!(
        "SELECT r.reason, COUNT(*) AS n, CAST(COALESCE(SUM(r.copied), 0) AS SIGNED) AS copied, \
         SUBSTRING_INDEX(GROUP_CONCAT(IF(r.reason IS NULL, NULL, r.id) ORDER BY r.id), ',', 10) AS ids \
         FROM ({query}) r GROUP BY r.reason ORDER BY r.reason"
    ))
    .load(conn)?)
}

fn losses(counted: Vec<Counted>) -> Vec<Loss> {
    let loss = |row: Counted| {
        let ids = row.ids.unwrap_or_default().split(',').filter_map(|id| id.parse().ok()).collect();
        Some(Loss { reason: row.reason?, rows: row.n, ids })
    };
    counted.into_iter().filter_map(loss).collect()
}

fn changed(conn: &mut AnyConnection, query: &str) -> Result<Vec<Loss>, DatabaseError> {
    Ok(losses(count(conn, query)?))
}

fn made_fingerprints(table: &str) -> String {
    format!(
        "SELECT o.id, FALSE AS copied, IF(COALESCE(CONVERT(o.fingerprint USING utf8mb4), '') COLLATE utf8mb4_bin \
         REGEXP '^[0-9a-f]{{16}}$', NULL, 'a fingerprint that is not 16 hex digits is computed again') AS reason FROM `{table}` o"
    )
}

fn made_request_ids(table: &str) -> String {
    let id = "COALESCE(CONVERT(o.request_id USING utf8mb4), '') COLLATE utf8mb4_bin";
    // `-` comes first among the marks, so it has no meaning after a range.
    let (marks, longest) = (RequestId::MARKS, RequestId::LONGEST);
    format!(
        "SELECT o.id, FALSE AS copied, IF({id} REGEXP '^[0-9A-Za-z{marks}]{{1,{longest}}}\\\\z' AND \
         ROW_NUMBER() OVER (PARTITION BY {id} ORDER BY o.id) = 1, NULL, \
         'a request_id that is missing, too long, taken or has other characters than our ids gets a new one') AS reason \
         FROM `{table}` o"
    )
}

/// Ours, and not yet the old one of the same name.
fn ours_exists(conn: &mut AnyConnection, table: &str) -> Result<bool, DatabaseError> {
    Ok(migrations::table_exists(conn, table)? && migrations::is_ours(conn, table)?)
}

fn copied_by_id(conn: &mut AnyConnection, table: &str) -> Result<String, DatabaseError> {
    let exists = ours_exists(conn, table)?;
    Ok(if exists { format!("EXISTS (SELECT 1 FROM {table} n WHERE n.id = o.id)") } else { "FALSE".to_owned() })
}
