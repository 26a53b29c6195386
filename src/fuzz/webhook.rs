//! Webhooks: any body is alerts or an error with its reason, and an entry is judged by itself.

use crate::{
    alertmanager::{self, NotAWebhook},
    model::ids::Fingerprint,
};

pub(super) fn target(body: &[u8]) {
    let parsed = alertmanager::parse(body);
    assert_eq!(parsed, alertmanager::parse(body), "the same body is the same webhook");
    let webhook = match parsed {
        Ok(webhook) => webhook,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(matches!(error, NotAWebhook::NotUtf8 { .. }), std::str::from_utf8(body).is_err());
            return;
        }
    };
    for alert in &webhook.alerts {
        match alert {
            Ok(alert) => {
                assert!(!alert.labels.is_empty(), "an alert without labels has no identity");
                assert!(Fingerprint::parse(alert.fingerprint.as_str()).is_some());
            }
            Err(invalid) => assert!(!invalid.error.is_empty(), "the row says why"),
        }
    }
}
