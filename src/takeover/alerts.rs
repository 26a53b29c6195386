//! `poundcake_alerts`, copied as final history. Those that led to executions become `dispatched` with their links.

use super::{columns::Columns, old::Old, values, window};
use crate::{
    database::{
        DatabaseError,
        connection::{AnyConnection, each},
        schema::poundcake_alerts,
        transaction,
    },
    model::{
        status::{AlertStatus, DispatchReason, DispatchStatus},
        truncate::column,
    },
    store::dispatch::dispatch_log,
};
use chrono::NaiveDateTime;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};

/// The columns that are read; any other of the old table is not copied.
pub(crate) const READ: [&str; 17] = [
    "id",
    "api_call_id",
    "fingerprint",
    "status",
    "alert_name",
    "severity",
    "instance",
    "labels",
    "annotations",
    "starts_at",
    "ends_at",
    "generator_url",
    "st2_rule_matched",
    "created_at",
    "updated_at",
    "processing_status",
    "error_message",
];

#[derive(QueryableByName)]
struct OldAlert {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    api_call_id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    fingerprint: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    status: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    alert_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    severity: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    instance: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    labels: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    annotations: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    starts_at: Option<String>,
    /// Of the last firing: the older system updated the row of a fingerprint, and its payload, but never `starts_at`.
    #[diesel(sql_type = Nullable<Text>)]
    last_start: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    ends_at: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    generator_url: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    st2_rule_matched: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    created_at: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    updated_at: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    processing_status: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    error_message: Option<String>,
}

#[derive(Insertable)]
#[diesel(table_name = poundcake_alerts, treat_none_as_default_value = false)]
struct Row {
    id: i64,
    api_call_id: i64,
    fingerprint: String,
    alert_name: String,
    severity: String,
    instance: String,
    labels: String,
    st2_rule_matched: Option<String>,
    created_at: NaiveDateTime,
    status: AlertStatus,
    annotations: String,
    starts_at: Option<NaiveDateTime>,
    ends_at: Option<NaiveDateTime>,
    generator_url: Option<String>,
    updated_at: NaiveDateTime,
    dispatch_status: DispatchStatus,
    dispatch_reason: Option<DispatchReason>,
    dispatch_log: Option<String>,
}

/// Copies the window after an id; `None` behind the last row.
pub(crate) fn copy(conn: &mut AnyConnection, old: &Old, after: i64) -> Result<Option<window::Copied>, DatabaseError> {
    let Some(table) = &old.alerts else { return Ok(None) };
    let columns = Columns::of(conn, table)?;
    let bytes = columns.bytes(&["labels", "annotations", "generator_url", "error_message"]);
    let Some(window) = window::next(conn, (table, "poundcake_alerts"), &bytes, after)? else { return Ok(None) };
    let now = transaction::now(conn)?;
    let rows = read(conn, table, &columns, &window.ids)?;
    let rows: Vec<Row> = rows.into_iter().map(|row| row.into_ours(now)).collect();
    if !rows.is_empty() {
        transaction::write(conn, |conn| {
            Ok(each!(conn, |c| diesel::insert_into(poundcake_alerts::table).values(&rows).execute(c))?)
        })?;
    }
    Ok(Some(window::Copied { rows: rows.len(), last: window.last }))
}

/// Those whose webhook is there: no other can be stored.
fn read(conn: &mut AnyConnection, table: &str, columns: &Columns, ids: &[i64]) -> Result<Vec<OldAlert>, DatabaseError> {
    let mut select = vec![
        "CAST(o.id AS SIGNED) AS id".to_owned(),
        "CAST(o.api_call_id AS SIGNED) AS api_call_id".to_owned(),
        format!("JSON_VALUE({}, '$.startsAt') AS last_start", columns.value("raw_data")),
    ];
    select.extend(READ.iter().skip(2).map(|name| columns.select(name, &[])));
    let query = format!(
        "SELECT {} FROM `{table}` o JOIN poundcake_api_calls c ON c.id = o.api_call_id WHERE o.id IN ({}) ORDER BY o.id",
        select.join(", "),
        window::list(ids)
    );
    Ok(diesel::sql_query(query).load(conn)?)
}

impl OldAlert {
    fn into_ours(self, now: NaiveDateTime) -> Row {
        let labels = values::strings(self.labels.as_deref()).unwrap_or_default();
        let named = |value: &Option<String>, label: &str, width| {
            let text =
                value.as_deref().filter(|text| !text.is_empty()).or_else(|| labels.get(label).map(String::as_str));
            column(text.unwrap_or_default(), width).into_owned()
        };
        let starts_at = values::time(self.starts_at.as_deref());
        let created_at = values::time(self.created_at.as_deref()).or(starts_at).unwrap_or(now);
        let fingerprint = values::fingerprint(self.fingerprint.as_deref(), self.labels.as_deref());
        Row {
            id: self.id,
            api_call_id: self.api_call_id,
            alert_name: named(&self.alert_name, "alertname", 255),
            severity: named(&self.severity, "severity", 64),
            instance: named(&self.instance, "instance", 255),
            labels: values::object(self.labels.as_deref()),
            st2_rule_matched: self.st2_rule_matched.as_deref().map(|text| column(text, 255).into_owned()),
            created_at,
            status: values::status(self.status.as_deref()),
            annotations: values::object(self.annotations.as_deref()),
            starts_at: starts_at.max(values::time(self.last_start.as_deref())),
            ends_at: values::time(self.ends_at.as_deref()),
            generator_url: self.generator_url.as_deref().map(|text| column(text, 8_000).into_owned()),
            updated_at: values::time(self.updated_at.as_deref()).unwrap_or(created_at),
            dispatch_status: DispatchStatus::Skipped,
            dispatch_reason: Some(DispatchReason::Resolved),
            dispatch_log: Some(self.log(&fingerprint, now)),
            fingerprint,
        }
    }

    /// What the row was, as far as our columns do not say it.
    fn log(&self, fingerprint: &str, now: NaiveDateTime) -> String {
        let mut was = vec!["from the older installation".to_owned()];
        let mut note = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                was.push(format!("{name} {}", column(value, 200)));
            }
        };
        note("fingerprint", self.fingerprint.as_deref().filter(|old| *old != fingerprint));
        let status = self.status.as_deref();
        note("status", status.filter(|status| *status != values::status(Some(status)).as_str()));
        note("processing_status", self.processing_status.as_deref());
        note("error", self.error_message.as_deref());
        let entry = dispatch_log::Entry::new(now, "taken_over").detail(&was.join("; "));
        dispatch_log::append(None, &entry)
    }
}
