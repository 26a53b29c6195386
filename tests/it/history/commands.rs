//! The same in the terminal: `history`, `alerts`, `stats`.

use super::rows::{EXECUTION, REQUEST, fill, fill_executions, nth};
use crate::harness::{Process, SOON, TestDatabase, eventually, on_both_stores};
use serde_json::Value;

on_both_stores! {
    async history_tells_the_story_of_whatever_id_it_is_given,
    async control_characters_in_alert_text_do_not_reach_the_terminal,
    async alerts_lists_a_page_and_names_the_next_one,
    async stats_prints_workflows_and_days,
    async the_exit_status_tells_found_from_nothing_and_from_a_wrong_command_line,
    async watch_shows_changes_and_ends_when_all_rows_are_final,
}

async fn prepare(database: &TestDatabase) {
    let migrate = Process::poundcake("migrate").argument("up").variable("DATABASE_URL", database.owner_url());
    assert!(migrate.run().await.0.success());
    fill(database);
    fill_executions(database);
}

fn command(database: &TestDatabase, line: &str) -> Process {
    let mut words = line.split(' ');
    let command = Process::poundcake(words.next().unwrap()).variable("DATABASE_URL", database.url());
    let command = command.variable("ST2_WEB_URL", "https://st2.example/").variable("TZ", "Asia/Kolkata");
    words.fold(command, Process::argument)
}

async fn run(database: &TestDatabase, line: &str) -> (Option<i32>, String, String) {
    let (status, out, error) = command(database, line).run().await;
    (status.code(), out, error)
}

async fn history_tells_the_story_of_whatever_id_it_is_given(database: TestDatabase) {
    prepare(&database).await;
    let (code, out, error) = run(&database, &format!("history {}", nth(REQUEST, 3))).await;
    assert_eq!(code, Some(0), "{error}");
    for expected in [
        "answered 202  received 2026-11-20 15:30:03.000 +05:30",
        "alert 3  A1  page  db3  firing  fingerprint 0000000000000000",
        "dispatched: StackStorm ran it  [action:core.noop]",
        "15:30:03.250     +0.250 s  StackStorm was called",
        "core.noop  failed  in 60.000 s",
    ] {
        assert!(out.contains(expected), "no {expected:?} in\n{out}");
    }
    assert!(out.contains(&format!("https://st2.example/#/history/{}/general", nth(EXECUTION, 3))), "{out}");
    let (code, by_execution, _) = run(&database, &format!("history {}", nth(EXECUTION, 0xffff))).await;
    assert_eq!(code, Some(0));
    assert!(by_execution.contains(&format!("a task of execution {}", nth(EXECUTION, 1))), "{by_execution}");
    assert!(by_execution.contains("alert 1  A1"), "{by_execution}");
    let (code, by_alert, _) = run(&database, "history 10").await;
    assert_eq!(code, Some(0));
    assert!(by_alert.contains("failed/rejected: StackStorm refused the call"), "{by_alert}");
    let (code, by_fingerprint, _) = run(&database, "history 0000000000000001 --limit 2").await;
    assert_eq!(code, Some(0));
    let alerts: Vec<&str> = by_fingerprint.lines().filter(|line| line.starts_with("  alert ")).collect();
    assert!(alerts[0].starts_with("  alert 10 ") && alerts[1].starts_with("  alert 7 "), "{by_fingerprint}");
    assert!(by_fingerprint.contains("older ones are left out"), "{by_fingerprint}");
    let (_, json, _) = run(&database, "history 10 --output json").await;
    let alert: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&alert["id"], &alert["created_at"]), (&10.into(), &"2026-11-20T10:00:10.000000Z".into()));
}

async fn control_characters_in_alert_text_do_not_reach_the_terminal(database: TestDatabase) {
    prepare(&database).await;
    database.execute(
            "UPDATE poundcake_alerts SET alert_name = 'a\u{1b}[2Jb\u{202e}c\nrequest 1', dispatch_error = '\u{9b}31m' WHERE id = 3",
        );
    for line in ["history 3", "alerts", "history 0000000000000000"] {
        let (code, out, _) = run(&database, line).await;
        assert_eq!(code, Some(0));
        assert!(out.contains("a\u{fffd}[2Jb\u{fffd}c\u{fffd}request 1"), "{out}");
        assert!(out.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{out:?}");
    }
}

async fn alerts_lists_a_page_and_names_the_next_one(database: TestDatabase) {
    prepare(&database).await;
    let (code, out, error) = run(&database, "alerts --limit 3 --severity page").await;
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((code, lines.len()), (Some(0), 5), "{out}{error}");
    assert!(lines[1].starts_with("10  2026-11-20 15:30:10 +05:30  A0"), "{out}");
    let next = lines[4].strip_prefix("more: --next ").unwrap();
    let (_, out, _) = run(&database, &format!("alerts --limit 3 --output json --next {next}")).await;
    let page: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&page["alerts"][0]["id"], page["alerts"].as_array().unwrap().len()), (&7.into(), 3));
    assert_eq!(page["alerts"][0]["links"][0]["execution"]["status"], "running");
}

async fn stats_prints_workflows_and_days(database: TestDatabase) {
    prepare(&database).await;
    let (code, out, error) = run(&database, "stats --from 2026-11-20T00:00:00Z --to 2026-11-21T00:00:00Z").await;
    assert_eq!(code, Some(0), "{error}");
    assert!(
        out.starts_with("executions linked from 2026-11-20 05:30:00 +05:30 to 2026-11-21 05:30:00 +05:30: 5\n"),
        "{out}"
    );
    let row = |start: &str| {
        let line = out.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{out}"));
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(row("core.noop")[..9], ["core.noop", "5", "2", "1", "0", "1", "1", "66.7 %", "26.667 s"]);
    assert_eq!(row("2026-11-20")[..2], ["2026-11-20", "5"]);
}

async fn the_exit_status_tells_found_from_nothing_and_from_a_wrong_command_line(database: TestDatabase) {
    prepare(&database).await;
    for (line, code) in [
        ("history 77", 3),
        ("history ffffffffffffffff", 3),
        ("history 6b0264acac6a4b12e50e7777", 3),
        ("history 01890a5d-ac96-774b-bcce-b302099a8057", 3),
        ("history HostDown", 2),
        ("history", 2),
        ("alerts --severity none", 3),
        ("alerts --next 42", 2),
        ("alerts --limit 501", 2),
        ("stats --from 2026-01-01T00:00:00Z --to 2026-01-02T00:00:00Z", 3),
        ("stats --from 2026-01-02T00:00:00Z --to 2026-01-01T00:00:00Z", 1),
        ("failed --alert-name none", 3),
        ("failed", 0),
    ] {
        let (seen, out, error) = run(&database, line).await;
        assert_eq!(seen, Some(code), "{line}: {out} {error}");
    }
}

async fn watch_shows_changes_and_ends_when_all_rows_are_final(database: TestDatabase) {
    prepare(&database).await;
    let watching = command(&database, "history 7 --watch").start();
    eventually("the running execution is shown", SOON, async || {
        let out = watching.output("stdout");
        if out.contains("core.noop  running") { Ok(()) } else { Err(out) }
    })
    .await;
    database.execute(&format!(
        "UPDATE execution_db SET status = 'succeeded', end_timestamp = '2026-11-20 10:00:08' WHERE id = '{}'",
        nth(EXECUTION, 7)
    ));
    assert!(watching.exited(SOON).await.success());
    assert!(watching.output("stdout").contains("core.noop  succeeded  in 1.000 s"));
}
