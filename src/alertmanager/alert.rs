//! One entry of `alerts[]`: parsed completely, or kept verbatim with the reason why it is invalid.

use super::{
    object::{brief, detail, members, string_map, text},
    time::parse_time,
};
use crate::model::{
    alert::{IncomingAlert, InvalidAlert},
    identity::{Identity, Sender},
    ids::Fingerprint,
    status::AlertStatus,
};
use chrono::NaiveDateTime;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What the webhook says for all of its alerts.
pub(super) struct Group<'g> {
    /// Used if the status is missing.
    pub(super) status: Option<String>,
    pub(super) identity: &'g Identity,
    pub(super) sender: &'g Sender,
}

/// Reads an entry.
pub(super) fn read(entry: &RawValue, group: &Group<'_>) -> Result<IncomingAlert, InvalidAlert> {
    fields(entry.get(), group).map_err(|error| InvalidAlert { error })
}

fn fields(entry: &str, group: &Group<'_>) -> Result<IncomingAlert, String> {
    let names = ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"];
    let [status, labels, annotations, starts_at, ends_at, generator_url, fingerprint] =
        members(entry, "an alert object", names).map_err(|error| detail(&error))?;
    let labels = read_labels(given(labels))?;
    // Older senders give none, others their own kind: both are recomputed.
    let fingerprint = fingerprint.and_then(text).and_then(|text| Fingerprint::parse(&text));
    Ok(IncomingAlert {
        fingerprint: group.identity.fingerprint(&labels, fingerprint, group.sender),
        status: read_status(given(status), group.status.as_deref())?,
        labels,
        annotations: read_annotations(given(annotations))?,
        starts_at: read_time("startsAt", given(starts_at))?,
        ends_at: read_time("endsAt", given(ends_at))?,
        // A link for people; a strange one is no reason to leave an alert alone.
        generator_url: generator_url.and_then(text).filter(|url| !url.is_empty()),
    })
}

/// `null` counts as absent.
fn given(field: Option<&RawValue>) -> Option<&RawValue> {
    field.filter(|raw| raw.get() != "null")
}

fn read_status(field: Option<&RawValue>, group: Option<&str>) -> Result<AlertStatus, String> {
    let status = match field {
        Some(raw) => text(raw).ok_or("status: not a string")?,
        None => group.ok_or("status: missing, and the group has none")?.to_owned(),
    };
    status.parse().map_err(|_unknown| format!("status: {} is neither firing nor resolved", brief(&status)))
}

fn read_labels(field: Option<&RawValue>) -> Result<BTreeMap<String, String>, String> {
    let raw = field.ok_or("labels: missing")?;
    let labels = string_map(raw).map_err(|error| format!("labels: {}", detail(&error)))?;
    if labels.is_empty() { Err("labels: empty".to_owned()) } else { Ok(labels) }
}

fn read_annotations(field: Option<&RawValue>) -> Result<BTreeMap<String, String>, String> {
    let Some(raw) = field else { return Ok(BTreeMap::new()) };
    string_map(raw).map_err(|error| format!("annotations: {}", detail(&error)))
}

fn read_time(name: &str, field: Option<&RawValue>) -> Result<Option<NaiveDateTime>, String> {
    let Some(raw) = field else { return Ok(None) };
    let text = text(raw).ok_or_else(|| format!("{name}: {} is no string", brief(raw.get())))?;
    parse_time(&text).map_err(|error| format!("{name}: {} {error}", brief(&text)))
}
