//! Copies `poundcake_api_calls`. Every row can be copied: missing values are filled in and marked.

use super::{columns::Columns, old::Old, values, window};
use crate::{
    database::{
        DatabaseError,
        connection::{AnyConnection, each},
        schema::poundcake_api_calls::{self, dsl},
        transaction,
    },
    model::{headers, ids::RequestId, truncate::column},
};
use chrono::NaiveDateTime;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};
use std::collections::HashSet;

/// The columns that are read; any other of the old table is not copied.
pub(crate) const READ: [&str; 9] =
    ["id", "request_id", "method", "path", "headers", "body", "client_host", "status_code", "created_at"];

#[derive(QueryableByName)]
struct OldCall {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    request_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    method: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    path: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    headers: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    body: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    client_host: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    status_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    created_at: Option<String>,
}

#[derive(Insertable)]
#[diesel(table_name = poundcake_api_calls, treat_none_as_default_value = false)]
struct Row {
    id: i64,
    request_id: String,
    method: String,
    path: String,
    headers: String,
    body: String,
    status_code: i32,
    created_at: NaiveDateTime,
    client_request_id: Option<String>,
    client_address: Option<String>,
}

/// Copies the window after an id; `None` behind the last row.
pub(crate) fn copy(conn: &mut AnyConnection, old: &Old, after: i64) -> Result<Option<window::Copied>, DatabaseError> {
    let Some(table) = &old.calls else { return Ok(None) };
    let columns = Columns::of(conn, table)?;
    let bytes = columns.bytes(&["body", "headers"]);
    let Some(window) = window::next(conn, (table, "poundcake_api_calls"), &bytes, after)? else { return Ok(None) };
    let rows = read(conn, table, &columns, &window.ids)?;
    let wanted: Vec<&str> = rows.iter().filter_map(|row| row.request_id.as_deref()).collect();
    let mut taken: HashSet<String> = dsl::poundcake_api_calls
        .filter(dsl::request_id.eq_any(wanted))
        .select(dsl::request_id)
        .load(conn)?
        .into_iter()
        .collect();
    let now = transaction::now(conn)?;
    let rows: Vec<Row> = rows.into_iter().map(|row| row.into_ours(&mut taken, now)).collect();
    if !rows.is_empty() {
        transaction::write(conn, |conn| {
            Ok(each!(conn, |c| diesel::insert_into(poundcake_api_calls::table).values(&rows).execute(c))?)
        })?;
    }
    Ok(Some(window::Copied { rows: rows.len(), last: window.last }))
}

fn read(conn: &mut AnyConnection, table: &str, columns: &Columns, ids: &[i64]) -> Result<Vec<OldCall>, DatabaseError> {
    let mut select = vec!["CAST(o.id AS SIGNED) AS id".to_owned(), columns.select("client_host", &["client_address"])];
    let same = ["request_id", "method", "path", "headers", "body", "status_code", "created_at"];
    select.extend(same.map(|name| columns.select(name, &[])));
    let query =
        format!("SELECT {} FROM `{table}` o WHERE o.id IN ({}) ORDER BY o.id", select.join(", "), window::list(ids));
    Ok(diesel::sql_query(query).load(conn)?)
}

impl OldCall {
    fn into_ours(self, taken: &mut HashSet<String>, now: NaiveDateTime) -> Row {
        let text = |value: &Option<String>, width| column(value.as_deref().unwrap_or_default(), width).into_owned();
        let old = self.request_id.clone().unwrap_or_default();
        // A row whose own is no request id for us gets another, and keeps its own as the sender's.
        let fits = RequestId::parse(&old).is_ok() && taken.insert(old.clone());
        let (request_id, client_request_id) = if fits {
            (old, None)
        } else {
            (values::request_id(self.id), Some(column(&old, 128).into_owned()).filter(|old| !old.is_empty()))
        };
        Row {
            id: self.id,
            request_id,
            method: text(&self.method, 16),
            path: text(&self.path, 255),
            headers: allowed(self.headers.as_deref()),
            body: self.body.unwrap_or_default(),
            // 0: the older system did not say.
            status_code: self.status_code.and_then(|code| code.trim().parse().ok()).unwrap_or_default(),
            created_at: values::time(self.created_at.as_deref()).unwrap_or(now),
            client_request_id,
            client_address: self.client_host.map(|address| column(&address, 64).into_owned()),
        }
    }
}

/// The older system stored all headers; ours holds none that carries credentials or cookies.
fn allowed(text: Option<&str>) -> String {
    let all = values::strings(text).unwrap_or_default();
    let lower: Vec<(String, String)> =
        all.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let kept = headers::kept(lower.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    serde_json::to_string(&kept).unwrap_or_else(|_| "{}".to_owned())
}
