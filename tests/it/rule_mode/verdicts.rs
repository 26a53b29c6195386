//! Enforcements and executions that disagree: what ran is dispatched and linked, and nothing runs again.

use super::{BROKEN_RULE, LINK, T0, column, events, links, metric, started};
use crate::harness::{PATIENCE, Shape, firing, on_both_shapes};
use st2_stand_in::Fault;

on_both_shapes! {
    an_execution_whose_enforcement_failed_is_dispatched_and_linked,
    an_execution_without_an_enforcement_is_dispatched_and_linked,
    a_rule_whose_parameters_cannot_be_rendered_is_rule_failed_and_its_execution_is_linked,
    a_webhook_that_arrives_twice_is_linked_twice_counted_and_logged,
    executions_of_a_rules_engine_that_died_are_linked_at_the_deadline,
    a_rules_engine_that_died_before_it_started_anything_leaves_the_row_uncertain_with_the_evidence,
    a_webhook_that_got_lost_is_uncertain_and_the_log_says_that_later_ones_were_processed,
}

async fn an_execution_whose_enforcement_failed_is_dispatched_and_linked(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::EnforcementFails, 1);
    pipeline.send(&[firing("HostDown", "a", T0)]).await;
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["HostDown dispatched/-"]);
    assert_eq!(links(&pipeline), [LINK]);
    assert_eq!(column(&pipeline, "st2_rule_matched"), "remediation.host_down_rule");
    pipeline.assert_ledger(1).await;
}

async fn an_execution_without_an_enforcement_is_dispatched_and_linked(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::EnforcementLost, 1);
    pipeline.send(&[firing("HostDown", "a", T0)]).await;
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["HostDown dispatched/-"]);
    assert_eq!(links(&pipeline), [LINK]);
    pipeline.assert_ledger(1).await;
}

async fn a_rule_whose_parameters_cannot_be_rendered_is_rule_failed_and_its_execution_is_linked(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().add_rule("remediation", BROKEN_RULE).expect("a rule");
    pipeline.send(&[firing("Broken", "a", T0)]).await;
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["Broken failed/rule_failed"]);
    assert_eq!(links(&pipeline), ["remediation.broken_rule remediation.host_down_workflow"]);
    assert_eq!(column(&pipeline, "st2_rule_matched"), "remediation.broken_rule");
    assert!(column(&pipeline, "dispatch_error").starts_with("remediation.broken_rule: "));
    let left = pipeline.st2().executions();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].document["status"], "failed");
}

async fn a_webhook_that_arrives_twice_is_linked_twice_counted_and_logged(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::TriggerTwice, 1);
    pipeline.send(&[firing("HostDown", "a", T0), firing("HostDown", "b", T0)]).await;
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["HostDown dispatched/-"; 2]);
    assert_eq!(links(&pipeline), [LINK; 3]);
    assert_eq!(metric(&pipeline, "poundcake_duplicates_detected_total").await, "1");
    assert_eq!(events(&pipeline, "webhook_duplicated").len(), 1);
}

async fn executions_of_a_rules_engine_that_died_are_linked_at_the_deadline(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::RulesEngineDies { started: true }, 1);
    pipeline.send(&[firing("HostDown", "a", T0)]).await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.statuses(""), ["HostDown dispatched/-"]);
    assert_eq!(links(&pipeline), [LINK]);
    pipeline.assert_ledger(1).await;
}

async fn a_rules_engine_that_died_before_it_started_anything_leaves_the_row_uncertain_with_the_evidence(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::RulesEngineDies { started: false }, 1);
    pipeline.send(&[firing("HostDown", "a", T0)]).await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.statuses(""), ["HostDown failed/uncertain"]);
    let log = column(&pipeline, "dispatch_log");
    assert!(log.contains("uncertain") && log.contains("is processing"), "{log}");
    pipeline.assert_ledger(0).await;
}

async fn a_webhook_that_got_lost_is_uncertain_and_the_log_says_that_later_ones_were_processed(shape: Shape) {
    let pipeline = started(shape).await;
    pipeline.st2().set_fault_times(Fault::WebhookLost, 1);
    pipeline.send(&[firing("HostDown", "a", T0)]).await;
    super::webhooks(&pipeline, 1).await;
    pipeline.send(&[firing("HostDown", "b", T0)]).await;
    pipeline.settled_within(PATIENCE).await;
    assert_eq!(pipeline.statuses(""), ["HostDown failed/uncertain", "HostDown dispatched/-"]);
    let log = column(&pipeline, "dispatch_log");
    assert!(log.contains("no trigger instances of poundcake_alert have this alert_id; 1 later"), "{log}");
    assert_eq!(pipeline.st2().seen().webhooks, 2, "a webhook that was answered 202 is never posted again");
}
