//! One row and all that belongs to it.

use super::rows::{EXECUTION, REQUEST, fill, fill_executions, link, nth};
use crate::{
    harness::{TestDatabase, on_both_stores},
    http_api::app::App,
};
use serde_json::{Value, json};

on_both_stores! {
    async a_request_has_headers_body_alerts_links_executions_and_the_times_between_the_steps,
    async an_alert_has_its_attempts_and_its_request,
    async an_execution_leads_to_all_its_alerts_and_a_task_to_its_workflow,
}

fn filled(database: TestDatabase) -> App {
    let app = App::on(database);
    fill(&app.database);
    fill_executions(&app.database);
    app
}

async fn a_request_has_headers_body_alerts_links_executions_and_the_times_between_the_steps(database: TestDatabase) {
    let app = filled(database);
    let (_, request) = app.get(&format!("/api/v1/requests/{}", nth(REQUEST, 3))).await;
    assert_eq!((&request["body"], &request["headers"]), (&"the body".into(), &json!({ "user-agent": "am" })));
    let alert = &request["alerts"][0];
    let execution = &alert["links"][0]["execution"];
    assert_eq!((&execution["status"], &execution["action"]), (&"failed".into(), &"core.noop".into()));
    assert_eq!(execution["result"], json!({ "output": "done" }));
    assert_eq!((&execution["duration_seconds"], &execution["web_url"]), (&60.0.into(), &Value::Null));
    let steps: Vec<(&str, f64, f64)> = alert["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            let seconds = |name: &str| step[name].as_f64().unwrap();
            (step["step"].as_str().unwrap(), seconds("since_received_seconds"), seconds("since_previous_seconds"))
        })
        .collect();
    assert_eq!(
        steps,
        [
            ("received", 0.0, 0.0),
            ("execution_started", 0.0, 0.0),
            ("attempted", 0.25, 0.25),
            ("dispatched", 0.5, 0.25),
            ("execution_ended", 60.0, 59.5)
        ]
    );
}

async fn an_alert_has_its_attempts_and_its_request(database: TestDatabase) {
    let app = filled(database);
    app.database.execute(
            "UPDATE poundcake_alerts SET dispatch_log = '[{\"at\":\"2026-11-20T10:00:10.100000Z\",\"event\":\"attempt_failed\",\
             \"detail\":\"400: no such action\"}]' WHERE id = 10",
        );
    let (_, alert) = app.get("/api/v1/alerts/10").await;
    assert_eq!(alert["request_id"], nth(REQUEST, 10));
    assert_eq!(alert["attempts"][0]["detail"], "400: no such action");
    assert_eq!((&alert["dispatch_status"], &alert["dispatch_reason"]), (&"failed".into(), &"rejected".into()));
    assert_eq!(alert["execution_db"], json!({ "available": true, "detail": null }));
    app.database.execute("UPDATE poundcake_alerts SET dispatch_log = '7' WHERE id = 10");
    // Text that PoundCake did not write and cannot read is shown as it is.
    let unreadable = json!([{ "at": "-", "detail": "7", "event": "unreadable" }]);
    assert_eq!(app.get("/api/v1/alerts/10").await.1["attempts"], unreadable);
}

async fn an_execution_leads_to_all_its_alerts_and_a_task_to_its_workflow(database: TestDatabase) {
    let app = filled(database);
    // Two alerts share it.
    link(&app.database, 3, &nth(EXECUTION, 1));
    let (_, execution) = app.get(&format!("/api/v1/executions/{}", nth(EXECUTION, 1))).await;
    let alerts: Vec<_> = execution["alerts"].as_array().unwrap().iter().map(|alert| alert["id"].as_i64()).collect();
    assert_eq!(alerts, [Some(1), Some(3)]);
    assert_eq!(execution["execution"]["parameters"], json!({ "a": 1 }));
    assert_eq!(execution["children"][0]["action"], "core.task");
    assert_eq!(execution["root_execution_id"], nth(EXECUTION, 1));
    let (_, task) = app.get(&format!("/api/v1/executions/{}", nth(EXECUTION, 0xffff))).await;
    assert_eq!((&task["root_execution_id"], &task["alerts"][1]["id"]), (&nth(EXECUTION, 1).into(), &3.into()));
}
