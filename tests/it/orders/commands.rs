//! The same in the terminal: output and exit status.

use super::given::held;
use crate::{
    harness::{Process, TestDatabase, on_both_stores},
    replay::rows::states,
};
use serde_json::{Value, json};

on_both_stores! {
    async orders_in_the_terminal_do_the_same_and_are_written_down,
    async a_pause_in_the_terminal_is_resumed_there,
    async held_alerts_are_listed_with_reason_route_and_when_they_are_looked_at_next,
}

async fn run(database: &TestDatabase, words: &[&str]) -> (Option<i32>, String, String) {
    let command = Process::poundcake(words[0]);
    let command = command.variable("DATABASE_URL", database.url()).variable("USER", "carol").variable("TZ", "UTC");
    let command = words[1..].iter().fold(command, |command, word| command.argument(*word));
    let (status, out, error) = command.run().await;
    (status.code(), out, error)
}

async fn orders_in_the_terminal_do_the_same_and_are_written_down(database: TestDatabase) {
    drop(database.store(1));
    held(&database, &["held/brake", "held/approval", "held/brake", "failed/rejected"]);
    let release = ["release", "--route", "hosts", "--oldest", "1", "--reason", "checked"];
    let (code, out, error) = run(&database, &release).await;
    assert_eq!((code, out.as_str()), (Some(0), "1 matched, 1 released\n"), "{error}");
    let (code, out, error) = run(&database, &["reject", "--id", "2", "--reason", "no"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "1 matched, 1 rejected\n"), "{error}");
    let (code, out, _) = run(&database, &["approve", "--id", "2", "--reason", "yes"]).await;
    assert_eq!((code, out.as_str()), (Some(3), "0 matched, 0 approved\n"));
    let (code, _, error) = run(&database, &["replay", "--route", "hosts", "--at-most", "0", "--reason", "x"]).await;
    assert!(code == Some(1) && error.contains("2 rows match"), "{code:?} {error}");
    assert_eq!(
        states(&database),
        ["held/brake 0 0", "skipped/not_approved 0 0", "held/brake 0 0", "failed/rejected 0 0"]
    );
    let (code, out, _) = run(&database, &["orders", "--output", "json"]).await;
    let page: Value = serde_json::from_str(&out).unwrap();
    let seen: Vec<Value> = page["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| json!([order["method"], order["path"], order["body"]["approve"], order["result"]["matched"]]))
        .collect();
    assert_eq!(code, Some(0));
    assert_eq!(
        seen,
        [
            json!(["CLI", "/api/v1/approvals", true, 0]),
            json!(["CLI", "/api/v1/approvals", false, 1]),
            json!(["CLI", "/api/v1/releases", null, 1]),
        ]
    );
    assert!(page["orders"][0]["operator"].as_str().unwrap().starts_with("carol@"));
    let (_, out, _) = run(&database, &["orders", "--limit", "2"]).await;
    assert!(out.contains("CLI /api/v1/approvals") && out.contains("more: --next "), "{out}");
}

async fn a_pause_in_the_terminal_is_resumed_there(database: TestDatabase) {
    drop(database.store(1));
    let pause = ["pause", "--match", "cluster=\"eu1\"", "--for", "2h", "--reason", "works", "--output", "json"];
    let (code, out, error) = run(&database, &pause).await;
    assert_eq!(code, Some(0), "{error}");
    let begun: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&begun["matchers"], &begun["reason"]), (&json!(["cluster=\"eu1\""]), &json!("works")));
    let id = begun["id"].to_string();
    let (code, out, error) = run(&database, &["resume", &id]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(out.starts_with(&format!("resumed: pause {id} of {{cluster=\"eu1\"}} until ")), "{out}");
    let (code, _, error) = run(&database, &["resume", &id]).await;
    assert!(code == Some(3) && error.contains("poundcake guards"), "{code:?} {error}");
    let (code, out, error) = run(&database, &["pause", "--route", "hots", "--reason", "works"]).await;
    assert!(code == Some(0) && out.contains("of route hots until "), "{out} {error}");
    assert!(error.contains("check how it is spelt"), "{error}");
    for wrong in [&["pause", "--reason", "x"][..], &["pause", "--everything", "--route", "a", "--reason", "x"]] {
        assert_eq!(run(&database, wrong).await.0, Some(2), "{wrong:?}");
    }
}

async fn held_alerts_are_listed_with_reason_route_and_when_they_are_looked_at_next(database: TestDatabase) {
    drop(database.store(1));
    held(&database, &["held/brake", "pending"]);
    let (code, out, error) = run(&database, &["alerts", "--dispatch-status", "held", "--route", "hosts"]).await;
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((code, lines.len()), (Some(0), 2), "{out} {error}");
    let cells: Vec<&str> = lines[1].split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect();
    assert_eq!(cells[5..8], ["brake", "hosts", "2099-01-01 00:00:00 +00:00"], "{out}");
    let (_, out, _) = run(&database, &["history", "1"]).await;
    let log = r#"[{"at":"2026-01-01T00:00:01Z","event":"shown","detail":"action:core.local","parameters":{"cmd":"echo db-1"}}]"#;
    database.execute(&format!("UPDATE poundcake_alerts SET dispatch_log = '{log}' WHERE id = 2"));
    let (_, shown, _) = run(&database, &["history", "2"]).await;
    assert!(shown.contains("    would run action:core.local\n      cmd: \"echo db-1\"\n"), "{shown}");
    assert!(out.contains("held/brake: ") && out.contains("route hosts"), "{out}");
    assert!(out.contains("expires at 2099-01-01 00:00:00.000 +00:00, if it cannot start before"), "{out}");
    assert!(out.contains("    next: It starts when a person releases the route"), "{out}");
}
