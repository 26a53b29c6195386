//! What every process shows of guards.

use super::{scrape, series, value};
use crate::harness::{Setup, Shape};

/// Seconds that a series shows, which a later scrape counts further.
fn seconds(text: &str, series: &str) -> u64 {
    value(text, series).parse().expect("seconds")
}

#[tokio::test(flavor = "multi_thread")]
async fn held_alerts_and_pauses_have_their_number_and_the_age_of_the_oldest() {
    let setup = Setup::new(Shape::Separate).await;
    let tracker = setup.process("tracker").start().ready().await;
    // One held alert is 20 minutes old and one is 10; one pause of two has ended.
    for (id, minutes) in [(1, 20), (2, 10)] {
        setup.database.execute(&format!(
            "INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, created_at, pause_until) \
             VALUES ({id}, 'r{id}', 'POST', '/api/v1/pauses', '{{}}', '{{\"everything\":true,\"reason\":\"x\"}}', 201, \
             UTC_TIMESTAMP(6) - INTERVAL 5 HOUR, UTC_TIMESTAMP(6) - INTERVAL {minutes} MINUTE + INTERVAL 15 MINUTE)"
        ));
        setup.database.execute(&format!(
            "INSERT INTO poundcake_alerts (id, api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, \
             status, annotations, updated_at, dispatch_status, dispatch_reason, dispatch_route, pending_at, next_attempt_at) \
             VALUES ({id}, {id}, 'f{id}', 'n', 's', 'i', '{{}}', UTC_TIMESTAMP(6), 'firing', '{{}}', UTC_TIMESTAMP(6), 'held', \
             'rate', 'hosts', UTC_TIMESTAMP(6) - INTERVAL {minutes} MINUTE, UTC_TIMESTAMP(6) + INTERVAL 1 HOUR)"
        ));
    }
    let text = scrape(tracker.url("/metrics")).await;
    assert_eq!(series(&text, "poundcake_held_rows"), ["{reason=\"rate\",route=\"hosts\"} 2"]);
    let oldest = seconds(&text, "poundcake_held_oldest_seconds{reason=\"rate\",route=\"hosts\"}");
    assert!((1200..1500).contains(&oldest), "{oldest}");
    assert_eq!(value(&text, "poundcake_pauses"), "1");
    let oldest = seconds(&text, "poundcake_pause_oldest_seconds");
    assert!((18_000..18_300).contains(&oldest), "{oldest}");
}
