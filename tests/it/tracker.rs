//! The tracker: StackStorm's tables in SQL, filled from its stream and its API.

mod faults;
mod follow;
mod load;
mod restarts;
mod tables;

use crate::harness::{KEY, PATIENCE, Running, Setup, Shape, client, eventually};
use serde_json::{Value, json};
use st2_stand_in::Control;

/// A database with one alert, a StackStorm, and trackers that can be started.
struct World {
    setup: Setup,
}

impl World {
    async fn new() -> Self {
        let setup = Setup::new(Shape::Separate).await;
        setup.database.execute(
            "INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, created_at) \
             VALUES (1, 'r', 'POST', '/', '{}', '', 202, UTC_TIMESTAMP(6))",
        );
        setup.database.execute(
            "INSERT INTO poundcake_alerts (id, api_call_id, fingerprint, alert_name, severity, instance, labels, created_at, \
             status, annotations, updated_at, dispatch_status) VALUES (1, 1, 'f', 'n', 's', 'i', '{}', UTC_TIMESTAMP(6), \
             'firing', '{}', UTC_TIMESTAMP(6), 'dispatched')",
        );
        Self { setup }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.setup.set(name, value);
        self
    }

    fn st2(&self) -> Control {
        self.setup.stand_in.control()
    }

    async fn tracker(&self) -> Running {
        self.setup.process("tracker").start().ready().await
    }

    /// Starts an execution in StackStorm, as a dispatcher does.
    async fn run(&self, action: &str, parameters: Value) -> String {
        let url = format!("{}/executions", self.setup.stand_in.api_url());
        let body = json!({ "action": action, "parameters": parameters, "context": { "poundcake": { "alert_id": 1 } } });
        let answer = client().post(url).header("St2-Api-Key", KEY).json(&body).send().await.expect("an answer");
        let execution: Value = answer.json().await.expect("an execution");
        execution["id"].as_str().expect("an id").to_owned()
    }

    /// Links executions to the alert.
    fn link<T: AsRef<str>>(&self, ids: &[T]) {
        let row = |id: &T| format!("('r', 1, '{}', 'core.noop', UTC_TIMESTAMP(6))", id.as_ref());
        let rows: Vec<String> = ids.iter().map(row).collect();
        self.setup.database.execute(&format!(
            "INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, st2_action_ref, created_at) \
             VALUES {}",
            rows.join(", ")
        ));
    }

    /// Starts and links so many.
    async fn run_and_link(&self, count: usize) -> Vec<String> {
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            ids.push(self.run("core.noop", json!({})).await);
        }
        self.link(&ids);
        ids
    }

    /// `status/tracking` of a row.
    fn row(&self, id: &str) -> Option<String> {
        let sql =
            format!("SELECT CONCAT(COALESCE(status, '-'), '/', tracking) AS value FROM execution_db WHERE id = '{id}'");
        self.setup.database.lines(&sql).pop()
    }

    async fn becomes(&self, id: &str, wanted: &str) {
        eventually(&format!("{id} is {wanted}"), PATIENCE, async || match self.row(id) {
            Some(row) if row == wanted => Ok(()),
            other => Err(other),
        })
        .await;
    }

    /// Waits until every execution of StackStorm's has its row, ended, with the status that StackStorm has.
    async fn complete(&self) {
        eventually("every execution has its row", PATIENCE, async || {
            let mut wanted: Vec<String> =
                self.st2().executions().iter().map(|e| format!("{} {}", e.id, e.status)).collect();
            let rows = "SELECT CONCAT(id, ' ', status) AS value FROM execution_db WHERE tracking = 'done'";
            let mut rows = self.setup.database.lines(rows);
            wanted.sort();
            rows.sort();
            if rows == wanted { Ok(()) } else { Err(format!("{} of {}", rows.len(), wanted.len())) }
        })
        .await;
    }
}
