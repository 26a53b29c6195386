//! Validates one webhook: which rows it becomes, and whether it is a webhook at all.

use crate::{
    alertmanager,
    model::{
        alert::IncomingAlert,
        headers::{self, CLIENT_REQUEST_ID},
        identity::Identity,
        ids::RequestId,
        matcher::Matchers,
        plan::Arrival,
        truncate::column,
    },
    store::ingest::{
        api_calls::NewApiCall,
        webhooks::{Arrived, Intake},
    },
};

/// A request as HTTP gave it.
#[derive(Debug, Clone)]
pub struct RawWebhook {
    /// HTTP path.
    pub path: String,
    /// All headers, names in lower case; only the allowed ones are stored.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// The peer's address.
    pub client_address: Option<String>,
}

/// What is to be stored and answered.
pub(super) struct Judged {
    pub(super) intake: Intake,
    /// Why it is no webhook; it is stored all the same.
    pub(super) refusal: Option<String>,
    pub(super) truncated_alerts: u64,
}

pub(super) fn judge(raw: RawWebhook, mute: &Matchers, identity: &Identity) -> Judged {
    let arrived = |alert| {
        let arrival = match alert {
            Ok(alert) => arrival(alert, mute),
            Err(invalid) => Arrival::Invalid(invalid),
        };
        Arrived::from(arrival)
    };
    match alertmanager::parse_with(&raw.body, identity, arrived) {
        Ok(webhook) => {
            let intake = intake(raw, 202, webhook.alerts);
            Judged { intake, refusal: None, truncated_alerts: webhook.truncated_alerts }
        }
        Err(error) => {
            Judged { intake: intake(raw, 400, Vec::new()), refusal: Some(error.to_string()), truncated_alerts: 0 }
        }
    }
}

fn arrival(alert: IncomingAlert, mute: &Matchers) -> Arrival {
    let muted = !mute.is_empty() && mute.matches(&alert.labels);
    if muted { Arrival::Muted(alert) } else { Arrival::Alert(alert) }
}

/// A webhook whose body cannot be kept: the row says that it came.
pub(super) fn without_body(raw: RawWebhook, status_code: i32) -> Intake {
    intake(RawWebhook { body: Vec::new(), ..raw }, status_code, Vec::new())
}

fn intake(raw: RawWebhook, status_code: i32, arrivals: Vec<Arrived>) -> Intake {
    let request_id = RequestId::generate();
    let call = NewApiCall {
        request_id: request_id.to_string(),
        method: "POST",
        path: column(&raw.path, 255).into_owned(),
        headers: kept_headers(&raw.headers),
        client_request_id: client_request_id(&raw.headers),
        client_address: raw.client_address.map(|address| column(&address, 64).into_owned()),
        // Only a body that is no webhook can fail to be UTF-8; what can be read of it is kept.
        body: String::from_utf8(raw.body)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        status_code,
    };
    Intake { request_id, call, arrivals }
}

fn kept_headers(headers: &[(String, String)]) -> String {
    let kept = headers::kept(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    serde_json::to_string(&kept).unwrap_or_else(|_| "{}".to_owned())
}

/// Length and characters checked, else dropped: it is shown to people and searched for.
fn client_request_id(headers: &[(String, String)]) -> Option<String> {
    let (_, value) = headers.iter().find(|(name, _)| name == CLIENT_REQUEST_ID)?;
    let fits = (1..=128).contains(&value.len());
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/+=@".contains(c));
    (fits && plain).then(|| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(headers: &[(&str, &str)], body: &[u8]) -> RawWebhook {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        RawWebhook { path: "/api/v1/webhook".to_owned(), headers, body: body.to_vec(), client_address: None }
    }

    fn judged(raw: RawWebhook) -> Judged {
        judge(raw, &Matchers::parse(r#"alertname="Watchdog""#).unwrap(), &Identity::default())
    }

    #[test]
    fn credentials_and_cookies_are_never_stored() {
        let headers = [("authorization", "Bearer s3cret"), ("cookie", "auth-token=s3cret"), ("user-agent", "am/0.25")];
        let stored = judged(raw(&headers, b"{}")).intake.call.headers;
        assert_eq!(stored, r#"{"user-agent":"am/0.25"}"#);
    }

    #[test]
    fn a_client_request_id_is_kept_when_it_is_plain() {
        let id = |value: &str| judged(raw(&[("x-request-id", value)], b"{}")).intake.call.client_request_id;
        assert_eq!(id("abc-123").as_deref(), Some("abc-123"));
        assert_eq!(id("<script>"), None);
        assert_eq!(id(&"x".repeat(129)), None);
        assert_eq!(id(""), None);
    }

    #[test]
    fn a_body_that_is_no_webhook_is_stored_and_answered_400() {
        let judged = judged(raw(&[], b"\xFFnot json"));
        assert_eq!((judged.intake.call.status_code, judged.intake.call.body.as_str()), (400, "\u{FFFD}not json"));
        assert!(judged.refusal.is_some());
    }

    #[test]
    fn mute_is_decided_alert_by_alert() {
        let body = br#"{"alerts":[{"status":"firing","labels":{"alertname":"Watchdog"}},
            {"status":"firing","labels":{"alertname":"HostDown"}},{"status":"firing"}]}"#;
        let arrived = judged(raw(&[], body)).intake.arrivals;
        let arrivals: Vec<&Arrival> = arrived.iter().map(Arrived::arrival).collect();
        assert!(matches!(arrivals[..], [Arrival::Muted(_), Arrival::Alert(_), Arrival::Invalid(_)]));
    }
}
