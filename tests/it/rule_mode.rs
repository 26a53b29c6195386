//! Rule mode: what StackStorm's rules did with a webhook, and what follows when it is not known whether it arrived.
//!
//! Where a dispatcher is killed between two writes of `on_uncertain: post_again`, and the test of it:
//! - while the row settles, before the move to `pending`: `kills::…while_a_webhook_settles_…`
//! - after the move, before the claim: `kills::…before_the_second_claim_…`
//! - between claim and second POST: `kills::…between_the_second_claim_and_its_post_…`
//! - between second POST and answer: `kills::…after_the_second_post_…`

mod again;
mod kills;
mod load;
mod steps;
mod verdicts;

use crate::harness::{Pipeline, SOON, Setup, Shape, T0, client, eventually, firing};
use serde_json::Value;

/// `Again` may be posted again, `Broken` meets a rule whose parameters cannot be rendered, the rest waits for a person.
const ROUTES: &str = r#"
routes:
  - match: alertname="Again"
    webhook: poundcake_alert
    on_uncertain: post_again
    parameters: {alert_name: HostDown}
  - match: alertname="Broken"
    webhook: broken
  - match: alertname!=""
    webhook: poundcake_alert
"#;

const BROKEN_RULE: &str = r#"
name: broken_rule
pack: remediation
enabled: true
trigger:
  type: core.st2.webhook
  parameters: {url: broken}
criteria: {}
action:
  ref: remediation.host_down_workflow
  parameters:
    alert_name: "{{ trigger.body.alert_name }}"
    instance: "{{ trigger.body.nowhere.instance }}"
"#;

/// What takes minutes in production takes seconds.
fn quick(setup: Setup) -> Setup {
    let waits = [
        ("POUNDCAKE_ST2_TIMEOUT", "1s"),
        ("POUNDCAKE_LEASE", "7s"),
        ("POUNDCAKE_SETTLE_TIME", "1s"),
        ("POUNDCAKE_SILENT_SETTLE_TIME", "2s"),
        ("POUNDCAKE_RETRY_SCHEDULE", "1s"),
        ("POUNDCAKE_DISPATCH_MAX_ATTEMPTS", "3"),
        ("POUNDCAKE_RULE_DEADLINE", "15s"),
    ];
    waits.into_iter().fold(setup.routes(ROUTES), |setup, (name, value)| setup.variable(name, value))
}

/// A pipeline of this shape.
async fn started(shape: Shape) -> Pipeline {
    quick(Setup::new(shape).await).start().await
}

/// With proxies before each neighbour.
async fn proxied(shape: Shape) -> Setup {
    quick(Setup::proxied(shape).await).variable("POUNDCAKE_RULE_DEADLINE", "80s")
}

fn again(instance: &str) -> Value {
    firing("Again", instance, T0)
}

/// The log lines of the dispatching process with this `event`.
fn events(pipeline: &Pipeline, event: &str) -> Vec<String> {
    pipeline.dispatcher.as_ref().unwrap_or(&pipeline.ingest).events(event)
}

/// The value of one of the dispatching process's metrics.
async fn metric(pipeline: &Pipeline, series: &str) -> String {
    let process = pipeline.dispatcher.as_ref().unwrap_or(&pipeline.ingest);
    let text = client().get(process.url("/metrics")).send().await.expect("an answer").text().await.expect("text");
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')).map(str::to_owned);
    value.unwrap_or_else(|| panic!("no {series} in\n{text}"))
}

/// The links as `rule action`.
fn links(pipeline: &Pipeline) -> Vec<String> {
    let value = pipeline.joined(&["COALESCE(st2_rule_ref, '-')", "' '", "COALESCE(st2_action_ref, '-')"]);
    pipeline.database().lines(&format!("SELECT {value} AS value FROM poundcake_st2_execution_link ORDER BY id"))
}

const LINK: &str = "remediation.host_down_rule remediation.host_down_workflow";

/// A column of the first alert.
fn column(pipeline: &Pipeline, name: &str) -> String {
    let sql = format!("SELECT COALESCE({name}, '-') AS value FROM poundcake_alerts WHERE id = 1");
    pipeline.database().lines(&sql).join("")
}

/// Waits until StackStorm saw so many webhooks.
async fn webhooks(pipeline: &Pipeline, count: u64) {
    eventually(&format!("{count} webhooks were posted"), SOON, async || match pipeline.st2().seen().webhooks {
        found if found == count => Ok(()),
        others => Err(others),
    })
    .await;
}

/// Waits until the first alert fulfils a condition.
async fn row(pipeline: &Pipeline, condition: &str) {
    eventually(&format!("the row is {condition}"), SOON, async || {
        match pipeline.database().count(&format!("poundcake_alerts WHERE id = 1 AND {condition}")) {
            1 => Ok(()),
            _ => Err(pipeline.statuses("")),
        }
    })
    .await;
}
