//! The same in the terminal: output and exit status.

use super::rows::{REQUEST, insert, log, states};
use crate::harness::{Process, TestDatabase, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    async failed_lists_the_newest_first_and_names_the_next_page,
    async replay_and_discard_say_what_they_did_and_exit_3_when_nothing_matched,
    async how_long_ago_chooses_by_the_databases_clock,
    async an_order_that_is_wrong_changes_nothing_and_says_so,
    async prune_prints_what_it_deletes,
}

async fn migrate(database: &TestDatabase) {
    let migrate = Process::poundcake("migrate").argument("up").variable("DATABASE_URL", database.owner_url());
    assert!(migrate.run().await.0.success());
}

async fn run(database: &TestDatabase, line: &str) -> (Option<i32>, String, String) {
    let mut words = line.split(' ');
    let command = Process::poundcake(words.next().unwrap());
    let command = command.variable("DATABASE_URL", database.url()).variable("USER", "carol").variable("TZ", "UTC");
    let (status, out, error) = words.fold(command, Process::argument).run().await;
    (status.code(), out, error)
}

async fn failed_lists_the_newest_first_and_names_the_next_page(database: TestDatabase) {
    migrate(&database).await;
    insert(&database, &["failed/rejected", "pending", "failed/expired", "failed/rejected"]);
    database.execute("UPDATE poundcake_alerts SET instance = 'db\u{1b}[31m' WHERE id = 4");
    let (code, out, _) = run(&database, "failed --limit 2").await;
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((code, lines.len()), (Some(0), 4), "{out}");
    assert!(lines[0].starts_with("id  stored"), "{out}");
    assert!(lines[1].starts_with("4   2026-01-01 00:00:00 +00:00  A4"), "{out}");
    assert!(lines[1].contains(REQUEST) && !out.contains('\u{1b}'), "{out}");
    let (_, alerts, _) = run(&database, "alerts --dispatch-status failed --limit 2").await;
    assert_eq!(out, alerts, "failed is the same as alerts --dispatch-status failed");
    let next = lines[3].strip_prefix("more: ").expect("the next page");
    let (_, by_cursor, _) = run(&database, &format!("failed --limit 2 {next}")).await;
    let (_, by_id, _) = run(&database, "failed --limit 2 --before 3").await;
    assert!(by_cursor == by_id && by_id.contains("A1"), "{by_cursor}{by_id}");
    let (code, _, _) = run(&database, "failed --before 1").await;
    assert_eq!(code, Some(3), "nothing is below it");
    let (code, _, error) = run(&database, "failed --dispatch-status pending").await;
    assert!(code == Some(1) && error.contains("alerts --dispatch-status pending"), "{error}");
    let (_, out, _) = run(&database, "failed --limit 2 --before 3 --output json").await;
    let page: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&page["next"], page["alerts"].as_array().unwrap().len()), (&Value::Null, 1));
    assert_eq!(page["alerts"][0]["request_id"], REQUEST);
    assert_eq!(page["alerts"][0]["created_at"], "2026-01-01T00:00:00.000000Z");
    let (_, out, _) = run(&database, "failed --dispatch-reason expired --output json").await;
    let page: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(page["alerts"][0]["id"], 3);
}

async fn replay_and_discard_say_what_they_did_and_exit_3_when_nothing_matched(database: TestDatabase) {
    migrate(&database).await;
    insert(&database, &["failed/rejected", "failed/expired", "pending"]);
    let (code, out, _) = run(&database, "replay --dispatch-status failed --reason x --dry-run").await;
    assert_eq!((code, out.as_str()), (Some(0), "2 matched; nothing was changed (--dry-run)\n"));
    let (code, out, error) = run(&database, "replay --id 1,2 --reason mended").await;
    assert_eq!((code, out.as_str()), (Some(0), "2 matched, 2 replayed\n"), "{error}");
    let by = log(&database, 1)[0]["by"].as_str().unwrap().to_owned();
    assert!(by.starts_with("carol@") && by.len() > 6, "{by}");
    let (code, out, _) = run(&database, "replay --id 1 --reason mended").await;
    assert_eq!((code, out.as_str()), (Some(3), "0 matched, 0 replayed\n"));
    let (code, out, _) = run(&database, "discard --alert-name A3 --reason planned --output json").await;
    assert_eq!((code, serde_json::from_str(&out).ok()), (Some(0), Some(json!({ "matched": 1, "discarded": 1 }))));
    assert_eq!(states(&database), ["pending/- 1 0", "pending/- 1 0", "skipped/discarded 0 0"]);
}

async fn how_long_ago_chooses_by_the_databases_clock(database: TestDatabase) {
    migrate(&database).await;
    insert(&database, &["failed/rejected", "failed/rejected"]);
    let now = chrono::Utc::now().format("%Y-%m-%d %H:%M:%S");
    database.execute(&format!("UPDATE poundcake_alerts SET created_at = '{now}' WHERE id = 2"));
    let listed = async |line: &str| {
        let (code, out, error) = run(&database, &format!("failed --output json {line}")).await;
        let page: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{line}: {error}"));
        let ids: Vec<i64> = page["alerts"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
        (code, ids)
    };
    for (from, to) in [("--from", "--to"), ("--since", "--until")] {
        assert_eq!(listed(&format!("{from} 1d")).await, (Some(0), vec![2]));
        assert_eq!(listed(&format!("{to} 1d")).await, (Some(0), vec![1]));
        assert_eq!(listed(&format!("{from} 1000d {to} 1d")).await, (Some(0), vec![1]));
        assert_eq!(listed(&format!("{from} 2025-01-01T00:00:00Z")).await, (Some(0), vec![2, 1]));
    }
    let (code, out, error) = run(&database, "discard --from 1d --reason planned --dry-run").await;
    assert_eq!((code, out.as_str()), (Some(0), "1 matched; nothing was changed (--dry-run)\n"), "{error}");
    for line in ["alerts --from 1d --output json", "alerts --until 1d --output json"] {
        let (code, out, error) = run(&database, line).await;
        assert_eq!((code, out.matches("\"fingerprint\"").count()), (Some(0), 1), "{line}: {out} {error}");
    }
    let (code, _, error) = run(&database, "stats --from 24h --to 1h").await;
    assert_eq!(code, Some(3), "{error}");
    let (code, _, error) = run(&database, "stats --from 1h --to 24h").await;
    assert!(code == Some(1) && error.contains("--from must be earlier"), "{error}");
}

async fn an_order_that_is_wrong_changes_nothing_and_says_so(database: TestDatabase) {
    migrate(&database).await;
    insert(&database, &["failed/rejected"]);
    for (line, code, expected) in [
        ("replay --reason x", 1, "at least one of --id"),
        ("discard --id 1 --reason=", 1, "say why"),
        ("replay --id 1", 2, "--reason"),
        ("replay --id 1 --reason x --dispatch-status lost", 2, "known are: pending, queued"),
        ("replay --id 1 --reason x --from yesterday", 2, "1h or 7d"),
        ("prune --older-than 1h", 2, "write 1d or more"),
    ] {
        let (seen, _, error) = run(&database, line).await;
        assert!(seen == Some(code) && error.contains(expected), "{line}: {seen:?} {error}");
    }
    assert_eq!(states(&database), ["failed/rejected 0 0"]);
}

async fn prune_prints_what_it_deletes(database: TestDatabase) {
    migrate(&database).await;
    insert(&database, &["skipped/muted", "pending"]);
    let (code, out, error) = run(&database, "prune --older-than 90d --dry-run").await;
    let would = "would delete 1 alerts, 0 execution links, 0 requests (--dry-run)\n";
    assert_eq!((code, out.as_str()), (Some(0), would), "{error}");
    let (code, out, _) = run(&database, "prune --older-than 90d --output json").await;
    assert_eq!(
        (code, serde_json::from_str(&out).ok()),
        (Some(0), Some(json!({ "alerts": 1, "links": 0, "requests": 0 })))
    );
    assert_eq!(database.count("poundcake_alerts"), 1);
}
