//! Alerts and webhooks for tests of the store alone.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use poundcake::{
    model::{
        alert::IncomingAlert,
        ids::{Fingerprint, RequestId},
        plan::Arrival,
        status::AlertStatus,
    },
    store::ingest::{api_calls::NewApiCall, webhooks::Intake},
};
use std::collections::BTreeMap;

/// When alerts fire, where a test does not say otherwise.
pub const T0: &str = "2026-11-22T01:00:00Z";

/// An hour of that day.
pub fn hour(hour: i64) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 22).expect("a date").and_hms_opt(0, 0, 0).expect("a time")
        + TimeDelta::hours(hour)
}

/// An alert of this name that began at this hour; if it does not fire, it ended half an hour later.
pub fn incoming(name: &str, firing: bool, began: i64) -> IncomingAlert {
    let labels = BTreeMap::from([("alertname".to_owned(), name.to_owned())]);
    IncomingAlert {
        fingerprint: Fingerprint::of_labels(&labels),
        status: if firing { AlertStatus::Firing } else { AlertStatus::Resolved },
        labels,
        annotations: BTreeMap::new(),
        starts_at: Some(hour(began)),
        ends_at: (!firing).then(|| hour(began) + TimeDelta::minutes(30)),
        generator_url: None,
    }
}

/// A webhook of these alerts.
pub fn intake(arrivals: Vec<Arrival>) -> Intake {
    let request_id = RequestId::generate();
    let call = NewApiCall {
        request_id: request_id.to_string(),
        method: "POST",
        path: "/api/v1/webhook".to_owned(),
        headers: "{}".to_owned(),
        body: "{}".to_owned(),
        status_code: 202,
        client_request_id: None,
        client_address: None,
    };
    Intake { request_id, call, arrivals: arrivals.into_iter().map(Into::into).collect() }
}
