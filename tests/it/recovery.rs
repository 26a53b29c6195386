//! Faults at named points: whatever is killed, cut off or lost, each alert ends in one state and runs once.

mod alarm;
mod broker;
mod database;
mod dispatcher;
mod partition;
mod shutdown;
mod stackstorm;

use crate::harness::{Setup, Shape, firing};
use serde_json::Value;

const T0: &str = "2026-11-22T01:00:00Z";

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
