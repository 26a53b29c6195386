//! SQL on old links: the alert of each link, and why a link cannot be copied.

use super::{columns::Columns, old::Old};
use crate::database::{DatabaseError, connection::AnyConnection};

/// The old tables that a link leads through.
pub(crate) struct Judge {
    alerts: String,
    calls: String,
    request_ids: Option<Columns>,
}

impl Judge {
    pub(crate) fn new(conn: &mut AnyConnection, old: &Old) -> Result<Self, DatabaseError> {
        let empty = |columns: &str| format!("(SELECT {columns} FROM DUAL WHERE FALSE)");
        let quoted = |table: &Option<String>| table.as_ref().map(|table| format!("`{table}`"));
        let request_ids = match (&old.alerts, &old.calls) {
            (Some(_), Some(calls)) => Some(Columns::of(conn, calls)?),
            _ => None,
        };
        Ok(Self {
            alerts: quoted(&old.alerts).unwrap_or_else(|| empty("NULL AS id, NULL AS api_call_id")),
            calls: quoted(&old.calls).unwrap_or_else(|| empty("NULL AS id")),
            request_ids,
        })
    }

    /// An expression over `o`: the alert's id. Where a link names no alert, it is that of its webhook, if that had one only.
    pub(crate) fn alert_id(&self, link: &Columns) -> String {
        let named = link.number("alert_id");
        let Some(calls) = self.request_ids.as_ref().filter(|_| link.has("request_id")) else { return named };
        let (alerts, table) = (&self.alerts, &self.calls);
        let request_id = calls.like_column("request_id", "o.`request_id`");
        format!(
            "COALESCE({named}, (SELECT IF(COUNT(*) = 1, MIN(a2.id), NULL) FROM {alerts} a2 \
             JOIN {table} c2 ON c2.id = a2.api_call_id WHERE c2.request_id = {request_id}))"
        )
    }

    /// An expression over `o`: the execution's id, comparable with ours.
    pub(crate) fn execution_id(link: &Columns) -> String {
        format!("{} COLLATE utf8mb4_bin", link.value("st2_execution_id"))
    }

    /// `source, id, alert_id, st2_execution_id, reason` of every row of these link tables; `reason` is NULL for those that can be copied.
    pub(crate) fn all(&self, conn: &mut AnyConnection, tables: &[String]) -> Result<String, DatabaseError> {
        let mut sources = Vec::with_capacity(tables.len());
        for (source, table) in tables.iter().enumerate() {
            let columns = Columns::of(conn, table)?;
            sources.push(format!(
                "SELECT {source} AS source, CAST(o.id AS SIGNED) AS id, {} AS alert_id, {} AS st2_execution_id FROM `{table}` o",
                self.alert_id(&columns),
                Self::execution_id(&columns)
            ));
        }
        let (sources, alerts, calls) = (sources.join(" UNION ALL "), &self.alerts, &self.calls);
        Ok(format!(
            "SELECT l.source, l.id, l.alert_id, l.st2_execution_id, CASE \
               WHEN COALESCE(l.st2_execution_id, '') = '' THEN 'no execution id' \
               WHEN CHAR_LENGTH(l.st2_execution_id) > 36 THEN 'an execution id of more than 36 characters' \
               WHEN l.alert_id IS NULL THEN 'no alert id' \
               WHEN a.id IS NULL THEN 'its alert is missing' \
               WHEN c.id IS NULL THEN 'the webhook of its alert is missing' \
               WHEN ROW_NUMBER() OVER (PARTITION BY l.alert_id, l.st2_execution_id ORDER BY l.source, l.id) > 1 \
                 THEN 'a duplicate of another link' END AS reason \
             FROM ({sources}) l LEFT JOIN {alerts} a ON a.id = l.alert_id LEFT JOIN {calls} c ON c.id = a.api_call_id"
        ))
    }
}
