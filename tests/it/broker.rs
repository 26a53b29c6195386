//! What PoundCake makes of a RabbitMQ that it finds: its queues, its messages, and a queue that is not what it expects.

use crate::harness::{SOON, Setup, Shape, T0, eventually, firing};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_queues_are_durable_quorum_queues_and_messages_hold_ids_only() {
    let pipeline = Setup::new(Shape::Separate).await.start_without_dispatcher().await;
    let request_id = pipeline.send(&[firing("HostDown", "a", T0)]).await;
    // Confirmed: the queue has a leader, and can be looked into.
    eventually("the row is queued", SOON, async || match pipeline.statuses("").join(",") {
        row if row == "HostDown queued/-" => Ok(()),
        row => Err(row),
    })
    .await;
    let vhost = pipeline.setup.vhost.as_ref().expect("a vhost");
    let payload = eventually("the message is in the queue", SOON, async || {
        vhost.peek("poundcake.dispatch", 1).await.pop().ok_or("none yet")
    })
    .await;
    let message: Value = serde_json::from_str(&payload).expect("JSON");
    assert_eq!(message, json!({ "v": 1, "alert_id": 1, "request_id": request_id, "generation": 0 }));
    let queue = vhost.describe("poundcake.dispatch").await;
    assert_eq!((&queue["type"], &queue["durable"]), (&json!("quorum"), &json!(true)));
    assert_eq!(queue["arguments"]["x-dead-letter-exchange"], "poundcake.dead");
    assert_eq!(queue["arguments"]["x-delivery-limit"], 1000);
    eventually("the queue has a leader", SOON, async || {
        if vhost.is_leaderless("poundcake.dispatch").await { Err("none") } else { Ok(()) }
    })
    .await;
    let dead = vhost.describe("poundcake.dead").await;
    assert_eq!((&dead["type"], &dead["arguments"]["x-max-length"]), (&json!("quorum"), &json!(100_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_other_arguments_is_an_error_that_names_the_difference() {
    let setup = Setup::new(Shape::Separate).await;
    let vhost = setup.vhost.as_ref().expect("a vhost");
    vhost.declare("poundcake.dispatch", json!({ "x-queue-type": "classic" })).await;
    let pipeline = setup.start_without_dispatcher().await;
    pipeline.send(&[firing("HostDown", "a", T0)]).await;
    eventually("the log names the argument", SOON, async || {
        let log = pipeline.ingest.output("stderr");
        if log.contains("inequivalent arg '") { Ok(()) } else { Err(log) }
    })
    .await;
    assert_eq!(pipeline.statuses(""), ["HostDown pending/-"], "nothing is lost meanwhile");
}
