//! One entry of `alerts[]`: read whole, or kept verbatim with the reason why not.

use super::{
    object::{brief, detail, members, string_map, text},
    time::parse_time,
};
use crate::model::{
    alert::{IncomingAlert, InvalidAlert},
    ids::Fingerprint,
    status::AlertStatus,
};
use chrono::NaiveDateTime;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Reads an entry; `group_status` stands in for a status that is missing.
pub(super) fn read(entry: &RawValue, group_status: Option<&str>) -> Result<IncomingAlert, InvalidAlert> {
    fields(entry.get(), group_status).map_err(|error| InvalidAlert { error })
}

fn fields(entry: &str, group_status: Option<&str>) -> Result<IncomingAlert, String> {
    let names = ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"];
    let [status, labels, annotations, starts_at, ends_at, generator_url, fingerprint] =
        members(entry, "an alert object", names).map_err(|error| detail(&error))?;
    let labels = read_labels(given(labels))?;
    Ok(IncomingAlert {
        // Older senders give none, others their own kind: both are recomputed.
        fingerprint: fingerprint
            .and_then(text)
            .and_then(|text| Fingerprint::parse(&text))
            .unwrap_or_else(|| Fingerprint::of_labels(&labels)),
        status: read_status(given(status), group_status)?,
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
