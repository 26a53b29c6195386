//! One alert, all the way: webhook, rows, queue, StackStorm, link; on both stores and both queues.

use crate::harness::{Pipeline, Setup, Shape, T0, firing, on_both_shapes, resolved};
use serde_json::json;
use st2_stand_in::ExecutionView;

on_both_shapes! {
    a_firing_alert_becomes_one_execution_with_a_link,
    a_routes_own_parameters_are_sent_also_the_runners_and_an_unknown_one_is_refused_by_name,
    rules_decide_in_rule_mode_and_their_executions_are_linked,
    calls_that_stackstorm_would_refuse_fail_with_the_reason_and_leave_no_execution,
    an_execution_that_fails_is_dispatched_all_the_same,
    repeats_duplicates_and_resolves_run_nothing_and_a_later_start_does,
    alert_text_is_never_evaluated,
    a_storm_of_a_thousand_alerts_in_one_webhook_is_dispatched_once_each,
}

const T1: &str = "2026-11-22T02:00:00Z";
const T2: &str = "2026-11-22T03:00:00Z";

const ROUTES: &str = r#"
routes:
  - match: alertname="HostDown"
    action: remediation.host_down_workflow
  - match: alertname="Gone"
    action: remediation.no_such_action
  - match: alertname="Disabled"
    action: remediation.disabled
  - match: alertname="Fails"
    action: remediation.fails
  - match: alertname="Incomplete"
    action: remediation.host_down_workflow
    parameters: {instance: "${labels.nowhere?}"}
  - match: alertname=~"Rule.*"
    webhook: poundcake_alert
    parameters: {alert_name: HostDown}
  - match: alertname="NoRule"
    webhook: poundcake_alert
  - match: alertname="OfTheRunner"
    action: core.local
    parameters: {cmd: "pwd", cwd: /tmp, timeout: 7}
  - match: alertname="Remote"
    action: core.remote
    parameters: {cmd: "uptime", hosts: "${labels.instance}"}
  - match: alertname="Unknown"
    action: core.local
    parameters: {cmd: "pwd", cwdd: /tmp}
  - match: alertname="Secret"
    action: remediation.secretive
    parameters: {token: ["s3cret-of-the-route"]}
  - match: alertname="NoWebhook"
    webhook: nobody_listens
"#;

async fn started(shape: Shape) -> Pipeline {
    let settings = |setup: Setup| {
        let setup = setup.routes(ROUTES);
        setup.variable("POUNDCAKE_RETRY_SCHEDULE", "200ms").variable("POUNDCAKE_DISPATCH_MAX_ATTEMPTS", "3")
    };
    Pipeline::of(shape, settings).await
}

/// The executions that PoundCake or a rule asked for.
fn roots(pipeline: &Pipeline) -> Vec<ExecutionView> {
    pipeline.st2().executions().into_iter().filter(|execution| execution.parent.is_none()).collect()
}

fn links(pipeline: &Pipeline) -> Vec<String> {
    pipeline.database().lines("SELECT st2_execution_id AS value FROM poundcake_st2_execution_link ORDER BY id")
}

async fn a_firing_alert_becomes_one_execution_with_a_link(shape: Shape) {
    let pipeline = started(shape).await;
    let request_id = pipeline.send(&[firing("HostDown", "web-1:9100", T0)]).await;
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["HostDown dispatched/-"]);
    let executions = roots(&pipeline);
    assert_eq!(executions.len(), 1);
    assert_eq!(executions[0].trace_tag, format!("poundcake:{request_id}:1:0"));
    let document = &executions[0].document;
    assert_eq!(document["parameters"]["alert_name"], "HostDown");
    assert_eq!(document["parameters"]["poundcake_request_id"], request_id.as_str());
    assert!(document["parameters"].get("labels").is_none(), "not declared, so not sent: {document}");
    assert_eq!(document["context"]["poundcake"]["request_id"], request_id.as_str());
    assert_eq!(links(&pipeline), [executions[0].id.as_str()]);
}

async fn a_routes_own_parameters_are_sent_also_the_runners_and_an_unknown_one_is_refused_by_name(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.send(&[firing("OfTheRunner", "web-1", T0)]).await;
    pipeline.send(&[firing("Unknown", "web-1", T0)]).await;
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["OfTheRunner dispatched/-", "Unknown failed/rejected"]);
    let sent = &roots(&pipeline)[0].document["parameters"];
    assert_eq!((&sent["cwd"], &sent["timeout"]), (&json!("/tmp"), &json!(7)), "the runner's: {sent}");
    pipeline.send(&[firing("Remote", "web-7", T0)]).await;
    pipeline.settled().await;
    let sent = &roots(&pipeline)[1].document["parameters"];
    assert_eq!(*sent, json!({ "cmd": "uptime", "hosts": "web-7" }), "which the runner requires");
    let errors = pipeline.database().lines("SELECT dispatch_error AS value FROM poundcake_alerts WHERE id = 2");
    assert!(errors[0].contains("Additional properties are not allowed ('cwdd' was unexpected)"), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_stackstorm_refuses_and_quotes_is_in_no_row_and_no_log() {
    let pipeline = Setup::new(Shape::Separate).await.routes(ROUTES).start().await;
    pipeline.send(&[firing("Secret", "web-1", T0)]).await;
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["Secret failed/rejected"]);
    let rows = "SELECT CONCAT(dispatch_error, COALESCE(dispatch_log, '')) AS value FROM poundcake_alerts";
    let rows = pipeline.database().lines(rows).concat();
    assert!(rows.contains("['********']") && !rows.contains("s3cret"), "{rows}");
    assert!(!pipeline.dispatcher().output("stderr").contains("s3cret"));
}

async fn rules_decide_in_rule_mode_and_their_executions_are_linked(shape: Shape) {
    let pipeline = started(shape).await;
    let request_id = pipeline.send(&[firing("RuleHost", "web-2:9100", T0), firing("NoRule", "web-3:9100", T0)]).await;
    pipeline.settled().await;
    let mut statuses = pipeline.statuses("");
    statuses.sort();
    assert_eq!(statuses, ["NoRule skipped/no_rule_matched", "RuleHost dispatched/-"]);
    let executions = roots(&pipeline);
    assert_eq!(executions.len(), 1);
    assert_eq!(executions[0].document["parameters"]["poundcake_request_id"], request_id.as_str());
    assert_eq!(links(&pipeline), [executions[0].id.as_str()]);
    let rules = pipeline.database().lines(
        "SELECT st2_rule_matched AS value FROM poundcake_alerts WHERE dispatch_status = 'dispatched' \
             UNION ALL SELECT st2_rule_ref FROM poundcake_st2_execution_link \
             UNION ALL SELECT st2_action_ref FROM poundcake_st2_execution_link",
    );
    assert_eq!(rules, ["remediation.host_down_rule", "remediation.host_down_rule", "remediation.host_down_workflow"]);
}

async fn calls_that_stackstorm_would_refuse_fail_with_the_reason_and_leave_no_execution(shape: Shape) {
    let pipeline = started(shape).await;
    let webhook_posts = || pipeline.st2().seen().webhooks;
    let names = ["Gone", "Disabled", "Incomplete", "NoWebhook"];
    pipeline.send(&names.map(|name| firing(name, "a", T0))).await;
    pipeline.settled().await;
    let mut statuses = pipeline.statuses("");
    statuses.sort();
    let expected = ["Disabled", "Gone", "Incomplete", "NoWebhook"].map(|name| format!("{name} failed/rejected"));
    assert_eq!(statuses, expected);
    assert!(roots(&pipeline).is_empty());
    let error = |name: &str| {
        let sql = format!("SELECT dispatch_error AS value FROM poundcake_alerts WHERE alert_name = '{name}'");
        pipeline.database().lines(&sql).join("")
    };
    assert!(error("Gone").contains("remediation.no_such_action"), "{}", error("Gone"));
    assert!(error("Disabled").contains("is disabled"), "{}", error("Disabled"));
    assert!(error("Incomplete").contains("\"instance\""), "{}", error("Incomplete"));
    assert!(error("NoWebhook").contains("not registered"), "{}", error("NoWebhook"));
    assert_eq!(webhook_posts(), 3, "another worker of st2api may know a webhook that the first does not");
}

async fn an_execution_that_fails_is_dispatched_all_the_same(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.send(&[firing("Fails", "a", T0), firing("Unrouted", "a", T0)]).await;
    pipeline.settled().await;
    let mut statuses = pipeline.statuses("");
    statuses.sort();
    assert_eq!(statuses, ["Fails dispatched/-", "Unrouted skipped/no_route"]);
    assert_eq!(roots(&pipeline).len(), 1);
}

async fn repeats_duplicates_and_resolves_run_nothing_and_a_later_start_does(shape: Shape) {
    let pipeline = Pipeline::of(shape, |setup| setup.routes(ROUTES).variable("POUNDCAKE_REFIRE_COOLDOWN", "0s")).await;
    let send = async |alert| {
        pipeline.send(&[alert]).await;
        pipeline.settled().await;
    };
    send(firing("HostDown", "a", T0)).await;
    send(firing("HostDown", "a", T0)).await;
    send(resolved("HostDown", "a", T0, T1)).await;
    send(resolved("HostDown", "a", T0, T1)).await;
    send(firing("HostDown", "a", T0)).await;
    send(resolved("HostDown", "a", T0, T1)).await;
    send(firing("HostDown", "a", T2)).await;
    let decisions: Vec<String> = pipeline.statuses("").iter().map(|row| row.replace("HostDown ", "")).collect();
    assert_eq!(
        decisions,
        [
            "dispatched/-",
            "skipped/repeat",
            "skipped/resolved",
            "skipped/resolved",
            "skipped/reopened",
            "skipped/resolved",
            "dispatched/-"
        ]
    );
    assert_eq!(roots(&pipeline).len(), 2);
}

async fn alert_text_is_never_evaluated(shape: Shape) {
    let hostile =
        ["{{ 1234567*7 }}", "{% raw %}{{ st2kv.system.secret }}{% endraw %}", "<% 1234567 * 7 %>", "$(reboot)", "{{{{"];
    let pipeline = started(shape).await;
    for (mode, name) in [("direct", "HostDown"), ("rule", "RuleHost")] {
        let alerts: Vec<_> = hostile.iter().map(|text| firing(name, &format!("{text} {mode}"), T0)).collect();
        pipeline.send(&alerts).await;
    }
    pipeline.settled().await;
    let executions = roots(&pipeline);
    assert_eq!(executions.len(), hostile.len() * 2);
    for execution in pipeline.st2().executions() {
        let text = execution.document["parameters"].to_string();
        assert!(!text.contains("8641969"), "evaluated: {text}");
        for marker in ["{{", "{%", "{#", "<%"] {
            assert!(!text.contains(marker), "{marker} reached StackStorm: {text}");
        }
    }
    let kept = pipeline.database().count("poundcake_alerts WHERE instance = '{{ 1234567*7 }} direct'");
    assert_eq!(kept, 1, "our rows keep the original");
}

async fn a_storm_of_a_thousand_alerts_in_one_webhook_is_dispatched_once_each(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_pace(st2_stand_in::Pace::fast());
    let alerts: Vec<_> = (0..1000).map(|n| firing("Fails", &format!("host-{n}"), T0)).collect();
    let body = json!({ "alerts": alerts }).to_string();
    let (status, answer) = pipeline.post(body).await;
    assert_eq!((status, &answer["alerts_pending"]), (202, &json!(1000)));
    pipeline.settled().await;
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE dispatch_status = 'dispatched'"), 1000);
    let mut tags: Vec<String> = roots(&pipeline).into_iter().map(|execution| execution.trace_tag).collect();
    let started = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!((started, tags.len()), (1000, 1000));
}
