//! `poundcake doctor`: what it says with everything up, with each neighbour down, and with what goes wrong in practice.

use crate::harness::{Pipeline, Process, SOON, Setup, Shape, T0, TestDatabase, eventually, firing, resolved};
use serde_json::{Value, json};

const ROUTES: &str = "routes: [{name: all, action: core.noop, guards: {max_in_flight: 50}}]";
const NOWHERE: &str = "127.0.0.1:1";

/// Exit code and findings.
async fn doctor(process: Process) -> (i32, Value) {
    let (status, output, error) = process.argument("--output").argument("json").run().await;
    let document: Value = serde_json::from_str(&output).unwrap_or_else(|e| panic!("{e}: {output}{error}"));
    for secret in ["s3cret", "test-key"] {
        assert!(!output.contains(secret) && !error.contains(secret), "{output}{error}");
    }
    (status.code().expect("a code"), document)
}

/// `area check` of the findings of a level.
fn of_level(document: &Value, level: &str) -> Vec<String> {
    let all = document["findings"].as_array().expect("findings");
    let chosen = all.iter().filter(|finding| finding["level"] == level);
    chosen.map(|finding| format!("{} {}", finding["area"], finding["check"]).replace('"', "")).collect()
}

/// What was found and what to do, of one check.
fn of_check<'a>(document: &'a Value, check: &str) -> (&'a str, &'a str) {
    let all = document["findings"].as_array().expect("findings");
    let found = all.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check}: {document}"));
    (found["found"].as_str().unwrap_or_default(), found["advice"].as_str().unwrap_or_default())
}

async fn running() -> Pipeline {
    let pipeline = Setup::new(Shape::Separate).await.routes(ROUTES).start().await;
    pipeline.send(&[firing("HostDown", "a", T0)]).await;
    pipeline.settled().await;
    pipeline
}

#[tokio::test(flavor = "multi_thread")]
async fn with_everything_up_it_exits_0() {
    let pipeline = running().await;
    let (code, document) = doctor(pipeline.setup.process("doctor")).await;
    // The tests' MariaDB does not wait for the disk.
    assert_eq!((code, &document["verdict"]), (0, &json!("note")), "{document}");
    assert_eq!(of_level(&document, "note"), ["database durability"], "{document}");
    let (found, advice) = of_check(&document, "durability");
    assert!(found.starts_with("innodb_flush_log_at_trx_commit = 2: a power failure"), "{document}");
    assert_eq!(advice, "SET GLOBAL innodb_flush_log_at_trx_commit = 1");
    assert!(of_check(&document, "poundcake_alerts").0.ends_with(" in the last 24 h"), "{document}");
    assert!(of_check(&document, "version").0.starts_with("RabbitMQ "), "{document}");
    let ok = of_level(&document, "ok");
    for check in [
        "database reachable",
        "database schema",
        "database writable",
        "database max_allowed_packet",
        "database clock",
        "database versions",
        "database poundcake_api_calls",
        "database poundcake_alerts",
        "database poundcake_st2_execution_link",
        "rabbitmq reachable",
        "rabbitmq version",
        "rabbitmq poundcake.dispatch",
        "rabbitmq poundcake.dead",
        "stackstorm reachable",
        "stackstorm request id",
        "stackstorm action:core.noop",
        "rows queued",
        "rows failed",
        "tracker tables",
        "tracker executions",
        "tracker running",
    ] {
        assert!(ok.iter().any(|found| found == check), "{check}: {document}");
    }
    let (status, output, _) = pipeline.setup.process("doctor").run().await;
    let others: Vec<&str> = output.lines().filter(|line| !line.starts_with("ok ")).collect();
    let note: Vec<&str> = others.first().map_or("", |line| line).split_whitespace().take(3).collect();
    assert!(status.success() && others.len() == 2 && note == ["note", "database", "durability"], "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_whose_parameters_stackstorm_would_refuse_is_wrong() {
    const ROUTES: &str = "routes: [{name: good, match: 'a=b', action: core.local, parameters: {cmd: ls, cwd: /}},
        {name: bad, match: 'a=c', action: core.local, parameters: {cmd: ls, cwdd: /, sudo: [1]}},
        {name: empty, action: core.echo}]";
    let pipeline = Setup::new(Shape::Standalone).await.routes(ROUTES).start().await;
    let (code, document) = doctor(pipeline.setup.process("doctor")).await;
    assert_eq!(code, 1, "{document}");
    assert_eq!(of_level(&document, "wrong"), ["stackstorm route empty", "stackstorm route bad"], "{document}");
    let (found, advice) = of_check(&document, "route bad");
    assert!(found.contains("core.local: parameter \"cwdd\" is unknown to the action and its runner"), "{found}");
    assert!(advice.contains("st2 action get core.local"), "{advice}");
    assert!(of_check(&document, "route empty").0.contains("parameter \"message\" is required"), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_one_small_machine_there_is_no_rabbitmq_to_check() {
    let pipeline = Setup::new(Shape::Standalone).await.start().await;
    let (code, document) = doctor(pipeline.setup.process("doctor")).await;
    assert_eq!(code, 0, "{document}");
    assert_eq!(of_check(&document, "webhook:poundcake_alert").0, "registered");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_neighbour_that_is_down_is_named_with_what_to_do_and_the_others_are_checked_all_the_same() {
    let pipeline = running().await;
    let down = [
        ("DATABASE_URL", format!("mysql://u:s3cret@{NOWHERE}/x"), "database", "ingest answers 503"),
        ("AMQP_URL", format!("amqp://u:s3cret@{NOWHERE}/x"), "rabbitmq", "wait in the database"),
        ("ST2_API_URL", format!("http://{NOWHERE}/v1"), "stackstorm", "st2ctl status"),
    ];
    for (variable, url, area, advice) in down {
        let (code, document) = doctor(pipeline.setup.process("doctor").variable(variable, url)).await;
        assert_eq!((code, &document["verdict"]), (1, &json!("wrong")), "{document}");
        assert_eq!(of_level(&document, "wrong"), [format!("{area} reachable")], "{document}");
        let wrong = document["findings"].as_array().expect("findings").iter().find(|f| f["level"] == "wrong");
        assert!(wrong.expect("one")["advice"].as_str().expect("advice").contains(advice), "{document}");
        let ok = of_level(&document, "ok");
        let others = ["database", "rabbitmq", "stackstorm"].into_iter().filter(|other| *other != area);
        for other in others {
            assert!(ok.contains(&format!("{other} reachable")), "{document}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unchecked_values_are_not_reported_as_wrong() {
    let database = TestDatabase::sqlite();
    let process = |name| Process::poundcake(name).variable("DATABASE_URL", database.url());
    assert!(process("migrate").argument("up").run().await.0.success());
    let (code, document) = doctor(process("doctor")).await;
    assert_eq!((code, &document["verdict"]), (2, &json!("unknown")), "{document}");
    assert!(of_check(&document, "settings").0.contains("ST2_API_URL"), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_other_arguments_and_one_that_is_missing_are_found_and_left_as_they_are() {
    let setup = Setup::new(Shape::Separate).await.routes(ROUTES);
    let vhost = setup.vhost.as_ref().expect("a vhost");
    vhost.declare("poundcake.dispatch", json!({ "x-queue-type": "classic" })).await;
    let (code, document) = doctor(setup.process("doctor")).await;
    assert_eq!(code, 1, "{document}");
    let (found, advice) = of_check(&document, "poundcake.dispatch");
    assert!(found.contains("inequivalent arg '") && advice.contains("delete_queue -p "), "{document}");
    assert_eq!(of_check(&document, "poundcake.dead").0, "does not exist");
    assert_eq!(vhost.depth("poundcake.dead").await, None, "asking makes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_counted_until_they_are_purged() {
    let pipeline = running().await;
    let vhost = pipeline.setup.vhost.as_ref().expect("a vhost");
    vhost.publish("poundcake.dispatch", "no message of ours").await;
    let purge = eventually("the dead letter is found", SOON, async || {
        let (code, document) = doctor(pipeline.setup.process("doctor")).await;
        let (found, advice) = of_check(&document, "poundcake.dead");
        if (code, found) == (1, "1 messages") { Ok(advice.to_owned()) } else { Err(found.to_owned()) }
    })
    .await;
    assert!(purge.contains("rabbitmqctl purge_queue -p pc-") && purge.ends_with(" poundcake.dead"), "{purge}");
    vhost.purge("poundcake.dead").await;
    assert_eq!(doctor(pipeline.setup.process("doctor")).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_this_user_may_not_make_or_that_a_limit_forbids_is_wrong_and_stays_unmade() {
    let setup = Setup::new(Shape::Separate).await.routes(ROUTES);
    let vhost = setup.vhost.as_ref().expect("a vhost");
    let url = vhost.add_user("reader").await;
    let check = async || doctor(setup.process("doctor").variable("AMQP_URL", &url)).await.1;
    for allowed in ["", "^poundcake\\.dead$", "^poundcake$"] {
        vhost.may_configure("reader", allowed).await;
        let document = check().await;
        let (found, advice) = of_check(&document, "poundcake.dispatch");
        assert!(found.starts_with("does not exist, and this user may not declare it: "), "{allowed}: {document}");
        assert!(advice.contains("rabbitmqctl set_permissions -p pc-"), "{document}");
    }
    vhost.may_configure("reader", "^poundcake").await;
    vhost.limit_queues(0).await;
    let document = check().await;
    let (found, advice) = of_check(&document, "poundcake.dispatch");
    assert!(found.contains("cannot be declared: ") && found.contains("limit"), "{document}");
    assert!(advice.contains("list_vhost_limits"), "{document}");
    vhost.limit_queues(-1).await;
    let document = check().await;
    assert_eq!(of_check(&document, "poundcake.dispatch").0, "does not exist");
    assert_eq!(of_check(&document, "poundcake.dead").0, "does not exist");
    assert_eq!((vhost.depth("poundcake.dispatch").await, vhost.depth("poundcake.dead").await), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn links_without_a_row_show_that_no_tracker_runs() {
    let pipeline = running().await;
    let database = pipeline.database();
    database.execute("UPDATE poundcake_st2_execution_link SET created_at = created_at - INTERVAL 10 MINUTE");
    let (code, document) = doctor(pipeline.setup.process("doctor")).await;
    let (found, advice) = of_check(&document, "running");
    assert!(
        found.starts_with("1 linked executions have no row, the first (") && found.contains(" for 60"),
        "{document}"
    );
    assert!(code == 0 && advice.contains("poundcake tracker"), "{document}");
    let _tracker = pipeline.start_tracker().await;
    eventually("the tracker makes the row", SOON, async || {
        let (_, document) = doctor(pipeline.setup.process("doctor")).await;
        let (found, _) = of_check(&document, "running");
        if found.starts_with("every execution linked") { Ok(()) } else { Err(found.to_owned()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_that_lead_to_nothing_and_a_key_that_opens_nothing_are_found() {
    let routes = "routes:\n- {name: hosts, match: 'a=\"b\"', action: core.nope}\n- {name: disks, webhook: nobody_listens}\n- {action: core.nope}";
    let pipeline = Setup::new(Shape::Separate).await.routes(routes).start().await;
    let vhost = pipeline.setup.vhost.as_ref().expect("a vhost");
    let consumed = async || {
        vhost.depth("poundcake.dispatch").await.ok_or("no queue")?;
        match vhost.describe("poundcake.dispatch").await["consumers"].as_u64() {
            Some(1) => Ok(()),
            _ => Err("no consumer"),
        }
    };
    eventually("the dispatcher consumes", SOON, consumed).await;
    let (code, document) = doctor(pipeline.setup.process("doctor")).await;
    assert_eq!((code, of_level(&document, "wrong").len()), (1, 2), "{document}");
    let (found, advice) = of_check(&document, "action:core.nope");
    assert!(
        found.ends_with("no such action; used by hosts, route 3") && advice.contains("st2 pack install"),
        "{document}"
    );
    let (found, advice) = of_check(&document, "webhook:nobody_listens");
    assert!(found.ends_with("used by disks") && advice.contains("core.st2.webhook"), "{document}");

    let (code, document) = doctor(pipeline.setup.process("doctor").variable("ST2_API_KEY", "s3cret")).await;
    assert_eq!(code, 1, "{document}");
    assert!(of_check(&document, "key").1.contains("st2 apikey create"), "{document}");

    let (code, document) = doctor(pipeline.setup.process("doctor").variable("POUNDCAKE_ROUTES", "/nowhere.yaml")).await;
    assert_eq!(code, 1, "{document}");
    assert!(of_check(&document, "routes").0.contains("/nowhere.yaml"), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn overdue_rows_and_failed_rows_are_found() {
    let pipeline = Setup::new(Shape::Separate).await.routes(ROUTES).start_without_dispatcher().await;
    pipeline.send(&[firing("HostDown", "a", T0), firing("HostDown", "b", T0)]).await;
    let database = pipeline.database();
    database.execute(
        "UPDATE poundcake_alerts SET dispatch_status = 'awaiting_execution', next_attempt_at = UTC_TIMESTAMP() - INTERVAL 5 MINUTE \
         WHERE id = 1",
    );
    database.execute(
        "UPDATE poundcake_alerts SET dispatch_status = 'failed', dispatch_reason = 'rejected', next_attempt_at = NULL WHERE id = 2",
    );
    let vhost = pipeline.setup.vhost.as_ref().expect("a vhost");
    let there = async || vhost.depth("poundcake.dispatch").await.map(drop).ok_or("no queue");
    eventually("ingest has made the queue", SOON, there).await;
    let (code, document) = doctor(pipeline.setup.process("doctor")).await;
    assert_eq!(code, 1, "{document}");
    let (found, advice) = of_check(&document, "awaiting_execution");
    assert!(found.contains("1 overdue, the first by 30") && advice.contains("dispatchers"), "{document}");
    assert_eq!(of_check(&document, "failed").0, "1 rows: 1 rejected");
    let (found, advice) = of_check(&document, "poundcake.dispatch");
    assert!(found.ends_with(", 0 consumers") && advice.contains("no dispatcher consumes"), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_not_ours_is_found() {
    let database = TestDatabase::mariadb();
    let (code, document) = doctor(Process::poundcake("doctor").variable("DATABASE_URL", database.url())).await;
    assert_eq!(code, 1, "{document}");
    assert!(of_check(&document, "schema").0.contains("poundcake migrate up"), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stackstorms_tables_are_looked_at_where_they_are() {
    let database = TestDatabase::mariadb();
    let process = |name| Process::poundcake(name).variable("DATABASE_URL", database.url_for(name));
    assert!(process("migrate").argument("up").run().await.0.success());
    database.execute(
        "INSERT INTO execution_db (id, status, tracking, tracked_at) VALUES ('a', 'running', 'overdue', '2026-11-22')",
    );
    let (_, document) = doctor(process("doctor")).await;
    let (found, advice) = of_check(&document, "executions");
    assert!(found.starts_with("0 followed, 1 for longer") && advice.contains("st2 execution cancel"), "{document}");

    database.execute("DROP TABLE execution_db, tracker_state");
    let (_, document) = doctor(process("doctor")).await;
    assert_eq!(of_level(&document, "note"), ["database durability", "tracker tables"], "{document}");
    assert!(of_check(&document, "tables").1.starts_with("poundcake migrate up; without these tables"), "{document}");

    let elsewhere = format!("mysql://u:s3cret@{NOWHERE}/x");
    let (code, document) = doctor(process("doctor").variable("ST2_DATABASE_URL", elsewhere)).await;
    assert_eq!((code, of_level(&document, "wrong")), (1, vec!["tracker tables".to_owned()]), "{document}");
    assert!(of_check(&document, "tables").1.contains("correct ST2_DATABASE_URL"), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dispatchers_with_different_routes_files_are_wrong_and_a_killed_one_is_named() {
    let pipeline = running().await;
    let other = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(other.path(), "routes: [{name: other, action: core.noop, guards: {max_in_flight: 9}}]")
        .expect("the file");
    let second = pipeline.setup.process("dispatcher").variable("POUNDCAKE_ROUTES", other.path().display().to_string());
    let second = second.start().ready().await;
    let wrong = eventually("the second one has written its row", SOON, async || {
        let (code, document) = doctor(pipeline.setup.process("doctor")).await;
        let wrong = of_level(&document, "wrong");
        if (code, wrong) == (1, vec!["processes routes file".to_owned()]) { Ok(document) } else { Err(document) }
    })
    .await;
    let (found, advice) = of_check(&wrong, "routes file");
    assert!(
        found.starts_with("dispatchers use different routes files: ") && found.matches(": dispatcher ").count() == 2,
        "{found}"
    );
    assert!(advice.contains("the same POUNDCAKE_ROUTES"), "{advice}");

    second.kill();
    let aged = "UPDATE poundcake_api_calls SET created_at = created_at - INTERVAL 40 SECOND WHERE method = 'PROCESS'";
    pipeline.database().execute(aged);
    eventually("the living ones have written again", SOON, async || {
        let (code, document) = doctor(pipeline.setup.process("doctor")).await;
        let notes = of_level(&document, "note");
        let killed = notes.iter().filter(|note| note.starts_with("processes dispatcher ")).count();
        if (code, killed) == (0, 1) { Ok(()) } else { Err(document) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_without_a_limit_and_placeholders_that_may_be_empty_are_notes() {
    const ROUTES: &str = "routes:
        - {name: free, match: 'a=b', action: core.local, parameters: {cmd: 'df ${labels.disk} ${labels.a} ${labels.x?}'}}
        - {name: tight, match: 'a=~\".+\"', action: core.noop, guards: {rate: 20/h}}
        - {name: rules, webhook: poundcake_alert}";
    let pipeline = Setup::new(Shape::Standalone).await.routes(ROUTES).start().await;
    let (code, document) = doctor(pipeline.setup.process("doctor")).await;
    assert_eq!((code, of_level(&document, "wrong").len()), (0, 0), "{document}");
    assert_eq!(of_check(&document, "limits").0, "routes that start an action without a limit: free", "{document}");
    let (found, advice) = of_check(&document, "route free");
    assert_eq!(found, "placeholders that may be empty in parameters: cmd (${labels.disk})");
    assert!(advice.contains("failed/rejected"), "{advice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_wait_on_a_receiver_without_resolves_are_a_note() {
    let pipeline = running().await;
    let held = "UPDATE poundcake_alerts SET dispatch_status = 'held', dispatch_reason = 'in_flight', dispatch_route = 'gone', \
                next_attempt_at = UTC_TIMESTAMP() + INTERVAL 1 HOUR, pending_at = pending_at - INTERVAL 1 HOUR WHERE id = 1";
    pipeline.dispatcher().kill();
    assert_eq!(pipeline.database().execute(held), 1);
    let (_, document) = doctor(pipeline.setup.process("doctor")).await;
    assert!(of_check(&document, "resolves").1.contains("send_resolved: true"), "{document}");
    pipeline.send(&[resolved("Other", "b", T0, "2026-11-22T02:00:00Z")]).await;
    let (_, document) = doctor(pipeline.setup.process("doctor")).await;
    assert!(!document.to_string().contains("send_resolved"), "{document}");
}
