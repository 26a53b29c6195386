//! The rows that PoundCake writes for a webhook, as one text of SQL: what the limit and the backlog are made of.

use super::webhook::{INSTANCE, Webhook, labels};
use diesel::{MysqlConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_types::BigInt};
use poundcake::model::ids::RequestId;
use std::fmt::Write;

/// Builds the statements of a transaction.
pub struct Rows {
    webhook: Webhook,
    labels: (String, String),
    text: String,
}

/// Alerts that were inserted: ids from `first`, and the webhook of each.
#[derive(Debug)]
pub struct Inserted {
    /// The first id; the others follow.
    pub first: i64,
    /// By alert.
    pub requests: Vec<RequestId>,
}

impl Inserted {
    /// Each alert's id with its webhook's.
    pub fn pairs(&self) -> impl Iterator<Item = (i64, RequestId)> {
        std::iter::zip(self.first.., self.requests.iter().copied())
    }
}

const ANNOTATIONS: &str =
    r#"{"runbook_url":"https://runbooks.example.com/host-down","summary":"The host does not answer"}"#;
const HEADERS: &str = r#"{"content-length":"1305","content-type":"application/json","host":"127.0.0.1:8000","user-agent":"Alertmanager/0.25.0"}"#;

#[derive(QueryableByName)]
struct Last {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

impl Rows {
    /// Rows of webhooks with so many alerts.
    pub fn new(alerts: usize) -> Self {
        let labels = serde_json::to_string(&labels()).unwrap_or_default();
        let (before, after) = labels.split_once(INSTANCE).unwrap_or((&labels, ""));
        let labels = (before.to_owned(), after.to_owned());
        Self { webhook: Webhook::sql(alerts), labels, text: String::new() }
    }

    /// One transaction with so many webhooks; all alerts are in this state.
    pub fn insert(&mut self, conn: &mut MysqlConnection, webhooks: usize, status: &str) -> anyhow::Result<Inserted> {
        let (mut calls, mut alerts, mut requests) = (String::new(), String::new(), Vec::new());
        for call in 0..webhooks {
            let request = RequestId::generate();
            let body = String::from_utf8_lossy(self.webhook.next());
            write!(calls, "('{request}','POST','/api/v1/webhook','{HEADERS}','{body}',202,@now,NULL,'127.0.0.1'),")?;
            for (fingerprint, instance) in self.webhook.keys() {
                let (before, after) = &self.labels;
                write!(
                    alerts,
                    "(@call+{call},'{fingerprint}','HostDown','critical','{instance}','{before}{instance}{after}',@now,'firing',\
                     '{ANNOTATIONS}','2026-11-22 01:00:00.123',NULL,'http://prometheus.example:9090/graph?g0.expr=up+%3D%3D+0',\
                     @now,'{fingerprint}',NULL,@now,NULL,'{status}',NULL,NULL,@now,@due),"
                )?;
                requests.push(request);
            }
        }
        self.text.clear();
        write!(
            self.text,
            "BEGIN; SET @now = UTC_TIMESTAMP(6), @due = UTC_TIMESTAMP(6) + INTERVAL 15 MINUTE; \
             INSERT INTO poundcake_api_calls (request_id, method, path, headers, body, status_code, created_at, \
             client_request_id, client_address) VALUES {}; SET @call = LAST_INSERT_ID(); \
             INSERT INTO poundcake_alerts (api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, \
             status, annotations, starts_at, ends_at, generator_url, updated_at, open_fingerprint, opened_by, last_seen_at, \
             closed_at, dispatch_status, dispatch_reason, dispatch_error, pending_at, next_attempt_at) VALUES {}; COMMIT",
            calls.trim_end_matches(','),
            alerts.trim_end_matches(',')
        )?;
        conn.batch_execute(&self.text)?;
        let last: Last = diesel::sql_query("SELECT CAST(LAST_INSERT_ID() AS SIGNED) AS id").get_result(conn)?;
        Ok(Inserted { first: last.id, requests })
    }
}

/// The `queued` marks of PoundCake, as one statement.
pub fn mark_queued(conn: &mut MysqlConnection, ids: &[i64]) -> anyhow::Result<()> {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    conn.batch_execute(&format!(
        "UPDATE poundcake_alerts SET dispatch_status = 'queued', claimed_by = NULL, updated_at = UTC_TIMESTAMP(6), \
         next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL 5 MINUTE \
         WHERE dispatch_generation = 0 AND dispatch_status IN ('pending', 'queued') AND id IN ({})",
        ids.join(",")
    ))?;
    Ok(())
}
