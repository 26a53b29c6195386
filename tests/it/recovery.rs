//! Faults at named points: whatever is killed, cut off or lost, each alert ends in one state and runs once.
//!
//! Where a process is killed, and the test of it:
//! - between COMMIT and answer: `kills::ingest_killed_between_commit_and_answer_…`
//! - between COMMIT and publish, publish and confirm: `broker::ingest_killed_between_…`
//! - between confirm and mark: `kills::ingest_killed_between_confirm_and_mark_…`
//! - between claim and POST: `kills::a_dispatcher_killed_between_claim_and_post_…`
//! - with a POST that StackStorm never saw, between POST and answer, record and ack: `dispatcher::a_dispatcher_killed_…`
//! - between answer and record: `kills::a_dispatcher_killed_between_answer_and_record_…`
//! - between finding the queue gone and declaring it: `queue::a_lost_queue_is_not_declared_before_…`

mod alarm;
mod broker;
mod database;
mod dispatcher;
mod kills;
mod partition;
mod queue;
mod secrets;
mod shutdown;
mod stackstorm;

use crate::harness::{Pipeline, SOON, Setup, Shape, T0, eventually, firing};
use serde_json::Value;

/// `Rule…` goes to StackStorm's rules, everything else to an action.
const ROUTES: &str = r#"
routes:
  - match: alertname="HostDown",severity="rule"
    webhook: poundcake_alert
  - match: alertname!=""
    action: remediation.host_down_workflow
"#;

/// Proxies everywhere, and short leases, timeouts and waits: what takes minutes in production takes seconds.
async fn proxied(shape: Shape) -> Setup {
    let setup = Setup::proxied(shape).await.routes(ROUTES);
    let waits = [
        ("POUNDCAKE_ST2_TIMEOUT", "1s"),
        ("POUNDCAKE_LEASE", "7s"),
        ("POUNDCAKE_SETTLE_TIME", "1s"),
        ("POUNDCAKE_SILENT_SETTLE_TIME", "1s"),
        ("POUNDCAKE_RETRY_SCHEDULE", "1s"),
        ("POUNDCAKE_DISPATCH_MAX_ATTEMPTS", "3"),
    ];
    waits.into_iter().fold(setup, |setup, (name, value)| setup.variable(name, value))
}

/// So many different alerts.
fn alerts(count: usize) -> Vec<Value> {
    (0..count).map(|index| firing("HostDown", &format!("web-{index}:9100"), T0)).collect()
}

/// One that StackStorm's rules decide about.
fn for_rules(instance: &str) -> Value {
    let mut alert = firing("HostDown", instance, T0);
    alert["labels"]["severity"] = "rule".into();
    alert
}

/// An ingest without a dispatcher that has published one alert: whatever happens next happens on a connection that works.
/// Its confirms do not run out while a test holds them back.
async fn published_one() -> Pipeline {
    let pipeline =
        proxied(Shape::Separate).await.variable("POUNDCAKE_CONFIRM_TIMEOUT", "60s").start_without_dispatcher().await;
    pipeline.send(&[firing("HostDown", "warm:9100", T0)]).await;
    let confirmed = async || match pipeline.statuses("") {
        rows if rows == ["HostDown queued/-"] => Ok(()),
        others => Err(others),
    };
    eventually("the first one is queued", SOON, confirmed).await;
    pipeline
}
