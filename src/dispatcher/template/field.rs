//! What of an alert a template can ask for.

use crate::{
    model::{
        ids::{AlertId, Fingerprint, RequestId},
        status::AlertStatus,
    },
    store::dispatch::claim::ClaimedAlert,
};
use chrono::NaiveDateTime;
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// An alert's row, as far as templates see it.
#[derive(Debug, Clone, Copy)]
pub struct AlertView<'a> {
    /// The webhook's.
    pub request_id: RequestId,
    /// The row's.
    pub alert_id: AlertId,
    /// The row's.
    pub fingerprint: &'a Fingerprint,
    /// The row's.
    pub status: AlertStatus,
    /// All of them, uncut.
    pub labels: &'a BTreeMap<String, String>,
    /// All of them.
    pub annotations: &'a BTreeMap<String, String>,
    /// UTC.
    pub starts_at: Option<NaiveDateTime>,
    /// As sent.
    pub generator_url: Option<&'a str>,
}

impl<'a> AlertView<'a> {
    /// The view of a claimed row. `fingerprint` is the row's, parsed.
    pub fn of(request_id: RequestId, alert: &'a ClaimedAlert, fingerprint: &'a Fingerprint) -> Self {
        Self {
            request_id,
            alert_id: alert.id,
            fingerprint,
            status: alert.status,
            labels: &alert.labels.0,
            annotations: &alert.annotations.0,
            starts_at: alert.starts_at,
            generator_url: alert.generator_url.as_deref(),
        }
    }
}

/// A part of an alert that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// The label `alertname`.
    AlertName,
    /// The label `severity`.
    Severity,
    /// The label `instance`.
    Instance,
    /// 16 hex digits.
    Fingerprint,
    /// `firing` or `resolved`.
    Status,
    /// RFC 3339 in UTC, microseconds.
    StartsAt,
    /// A link.
    GeneratorUrl,
    /// The webhook's id.
    RequestId,
    /// The row's id.
    AlertId,
    /// The map of all.
    Labels,
    /// The map of all.
    Annotations,
    /// One label.
    Label(String),
    /// One annotation.
    Annotation(String),
}

impl Field {
    /// Parses the content of `${…}`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "alert_name" => Self::AlertName,
            "severity" => Self::Severity,
            "instance" => Self::Instance,
            "fingerprint" => Self::Fingerprint,
            "status" => Self::Status,
            "starts_at" => Self::StartsAt,
            "generator_url" => Self::GeneratorUrl,
            "request_id" => Self::RequestId,
            "alert_id" => Self::AlertId,
            "labels" => Self::Labels,
            "annotations" => Self::Annotations,
            other => match other.split_once('.')? {
                ("labels", label) if !label.is_empty() => Self::Label(label.to_owned()),
                ("annotations", annotation) if !annotation.is_empty() => Self::Annotation(annotation.to_owned()),
                _ => return None,
            },
        })
    }

    /// The label that it is; `None` for what is no label.
    pub fn label(&self) -> Option<&str> {
        match self {
            Self::AlertName => Some("alertname"),
            Self::Severity => Some("severity"),
            Self::Instance => Some("instance"),
            Self::Label(name) => Some(name),
            _ => None,
        }
    }

    /// Whether an alert may lack it.
    pub const fn is_optional(&self) -> bool {
        !matches!(self, Self::Fingerprint | Self::Status | Self::RequestId | Self::AlertId | Self::Labels)
    }

    /// What it is in this alert: a map for the two maps, else a string.
    pub fn of(&self, alert: &AlertView<'_>) -> Value {
        let find = |map: &BTreeMap<String, String>, name: &str| map.get(name).cloned().unwrap_or_default();
        Value::String(match self {
            Self::Labels => return to_map(alert.labels),
            Self::Annotations => return to_map(alert.annotations),
            Self::AlertName => find(alert.labels, "alertname"),
            Self::Severity => find(alert.labels, "severity"),
            Self::Instance => find(alert.labels, "instance"),
            Self::Label(name) => find(alert.labels, name),
            Self::Annotation(name) => find(alert.annotations, name),
            Self::Fingerprint => alert.fingerprint.to_string(),
            Self::Status => alert.status.to_string(),
            Self::StartsAt => {
                alert.starts_at.map(|time| time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()).unwrap_or_default()
            }
            Self::GeneratorUrl => alert.generator_url.unwrap_or_default().to_owned(),
            Self::RequestId => alert.request_id.to_string(),
            Self::AlertId => alert.alert_id.to_string(),
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlertName => "alert_name",
            Self::Severity => "severity",
            Self::Instance => "instance",
            Self::Fingerprint => "fingerprint",
            Self::Status => "status",
            Self::StartsAt => "starts_at",
            Self::GeneratorUrl => "generator_url",
            Self::RequestId => "request_id",
            Self::AlertId => "alert_id",
            Self::Labels => "labels",
            Self::Annotations => "annotations",
            Self::Label(name) => return write!(f, "labels.{name}"),
            Self::Annotation(name) => return write!(f, "annotations.{name}"),
        })
    }
}

fn to_map(strings: &BTreeMap<String, String>) -> Value {
    Value::Object(strings.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect())
}
