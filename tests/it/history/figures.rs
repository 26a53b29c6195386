//! `/api/v1/stats`: what is counted, and how often.

use super::rows::{EXECUTION, fill, fill_executions, link, nth};
use crate::{
    harness::{TestDatabase, on_both_stores},
    http_api::app::App,
};
use serde_json::{Value, json};

on_both_stores! {
    async each_execution_is_counted_once_per_workflow_and_day,
    async a_range_without_executions_has_zeros_and_no_rates,
}

async fn each_execution_is_counted_once_per_workflow_and_day(database: TestDatabase) {
    let app = App::on(database);
    fill(&app.database);
    fill_executions(&app.database);
    // Two alerts share it; it counts once.
    link(&app.database, 3, &nth(EXECUTION, 1));
    let (code, stats) = app.get("/api/v1/stats?from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z").await;
    assert_eq!(code, 200, "{stats}");
    let counts = json!({ "total": 5, "succeeded": 2, "failed": 1, "canceled": 0, "unfinished": 1, "unknown": 1,
            "success_rate": 2.0 / 3.0 });
    assert_eq!(stats["all"], counts);
    let day = &stats["days"][0];
    assert_eq!(
        (&day["day"], &day["total"], stats["days"].as_array().unwrap().len()),
        (&"2026-11-20".into(), &5.into(), 1)
    );
    let workflow = &stats["workflows"][0];
    assert_eq!((&workflow["workflow"], &workflow["total"]), (&"core.noop".into(), &5.into()));
    let seconds = |name: &str| workflow[name].as_f64().unwrap();
    // 10, 60 and 10 s.
    assert!((seconds("average_seconds") - 80.0 / 3.0).abs() < 0.001, "{workflow}");
    assert!((59.4..=60.0).contains(&seconds("p95_seconds")), "{workflow}");
    assert!(stats["counted"].as_str().unwrap().contains("each once"));
}

async fn a_range_without_executions_has_zeros_and_no_rates(database: TestDatabase) {
    let app = App::on(database);
    fill(&app.database);
    fill_executions(&app.database);
    let (_, stats) = app.get("/api/v1/stats?to=2026-11-20T00:00:00Z").await;
    assert_eq!((&stats["all"]["total"], &stats["all"]["success_rate"]), (&0.into(), &Value::Null));
    assert_eq!((&stats["workflows"], &stats["days"]), (&json!([]), &json!([])));
    assert_eq!(stats["from"], "2026-11-13T00:00:00.000000Z", "seven days before");
}
