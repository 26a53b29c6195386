//! Request ids of an older installation, in every form that it wrote them.

use super::{done, legacy, old};
use crate::harness::{SOON, Setup, Shape, client, eventually};
use serde_json::Value;

/// Ids that stay as they are: another form of a UUID is another text.
const KEPT: [&str; 4] = ["req-7", "5E9A7C1E-1111-4222-8333-000000000002", "5e9a7c1e111142228333000000000003", "12345"];

/// A pipeline's database with webhooks of these ids, taken over; nothing runs yet.
async fn taken_over(ids: &[&str]) -> Setup {
    let setup = Setup::new(Shape::Separate).await.routes("routes:\n  - action: core.noop\n");
    for table in ["st2_execution_link", "alerts", "api_calls"] {
        setup.database.execute(&format!("DROP TABLE poundcake_{table}"));
    }
    setup.database.execute("DROP TABLE __diesel_schema_migrations");
    old::create_with_links(&setup.database, u32::try_from(ids.len()).unwrap());
    for table in ["api_calls", "st2_execution_link"] {
        for (id, n) in std::iter::zip(ids, 1..) {
            setup.database.execute(&format!("UPDATE poundcake_{table} SET request_id = '{id}' WHERE id = {n}"));
        }
    }
    done(legacy(&setup.database)).await;
    setup
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_id_stays_and_its_alert_can_be_asked_for_and_replayed() {
    let pipeline = taken_over(&KEPT).await.start().await;
    let requests = "SELECT request_id AS value FROM poundcake_api_calls WHERE id > 0 ORDER BY id";
    assert_eq!(pipeline.database().lines(requests), KEPT);
    for id in KEPT {
        let answer = client().get(pipeline.ingest.url(&format!("/api/v1/requests/{id}"))).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{id}");
        assert_eq!(answer.json::<Value>().await.unwrap()["request_id"], id);
        let (status, output, error) = pipeline.setup.process("history").argument(format!("request:{id}")).run().await;
        assert!(status.success() && output.contains(id), "{id}: {output}{error}");
    }
    let replay = pipeline.setup.process("replay").argument("--id").argument("1,2,3,4").argument("--include-dispatched");
    done(replay.argument("--reason").argument("mended")).await;
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["HostDown dispatched/-"; 4]);
    let links = "SELECT request_id AS value FROM poundcake_st2_execution_link WHERE st2_action_ref = 'core.noop' ORDER BY alert_id";
    assert_eq!(pipeline.database().lines(links), KEPT);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_means_something_elsewhere_is_replaced_and_kept_as_the_senders() {
    let ids = ["a/b", "{{ 7 }}", "bäd", "ends in a line\n"];
    let setup = taken_over(&ids).await;
    let value =
        "SELECT CONCAT(request_id, ' ', client_request_id) AS value FROM poundcake_api_calls WHERE id > 0 ORDER BY id";
    let expected = std::iter::zip(ids, 1..).map(|(id, n)| format!("6c656761-6379-8000-8000-00000000000{n} {id}"));
    assert_eq!(setup.database.lines(value), expected.collect::<Vec<_>>());
    let output = done(legacy(&setup.database).argument("--dry-run").argument("--output").argument("json")).await;
    let seen: Value = serde_json::from_str(&output).unwrap();
    let changed = &seen["tables"][0]["changed"][0];
    assert_eq!(changed["ids"], serde_json::json!([1, 2, 3, 4]), "the count names the rows that were changed");
}

/// As an earlier version took such a row over, or as somebody wrote it.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_taken_over_with_such_an_id_is_named_and_blocks_no_other() {
    let setup = taken_over(&["req-1", "req-2"]).await;
    setup.database.execute("UPDATE poundcake_api_calls SET request_id = '{{ 1 }}' WHERE id = 1");
    let pipeline = setup.start().await;
    let replay = pipeline.setup.process("replay").argument("--id").argument("1,2").argument("--include-dispatched");
    done(replay.argument("--reason").argument("mended")).await;
    eventually("the other row is dispatched, and this one says what is wrong", SOON, async || {
        let rows = "SELECT CONCAT(dispatch_status, ' ', COALESCE(dispatch_error, '-')) AS value FROM poundcake_alerts ORDER BY id";
        let rows = pipeline.database().lines(rows);
        let named = rows[0].starts_with("pending this row cannot be read: request_id of its webhook, poundcake_api_calls row 1, is ");
        if named && rows[1] == "dispatched -" { Ok(()) } else { Err(rows) }
    })
    .await;
    let (status, output, _) = pipeline.setup.process("doctor").run().await;
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("1 rows; the first is alert 1: request_id of its webhook"), "{output}");

    pipeline.database().execute("UPDATE poundcake_api_calls SET request_id = 'req-1' WHERE id = 1");
    pipeline.database().execute("UPDATE poundcake_alerts SET next_attempt_at = UTC_TIMESTAMP(6) WHERE id = 1");
    pipeline.settled().await;
    assert_eq!(pipeline.statuses(""), ["HostDown dispatched/-"; 2]);
}
