//! The proxy does to a connection what its methods say.

use crate::harness::{ChaosProxy, Direction, TestDatabase, Vhost, WebhookReceiver, client, eventually};
use diesel::{Connection, MysqlConnection, connection::SimpleConnection};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);
/// Long against a loopback answer, short for a person.
const NO_ANSWER: Duration = Duration::from_millis(300);

fn through(receiver: &WebhookReceiver) -> (ChaosProxy, String) {
    let target = receiver.url("").trim_start_matches("http://").parse().expect("an address");
    let proxy = ChaosProxy::before(target);
    let url = format!("http://{}/hook", proxy.address());
    (proxy, url)
}

#[test]
fn a_broken_network_resets_refuses_and_comes_back() {
    let database = TestDatabase::mariadb();
    let proxy = ChaosProxy::before(database.address());
    let url = database.url_through(proxy.address());
    let mut connection = MysqlConnection::establish(&url).expect("through the proxy");
    assert!(connection.batch_execute("SELECT 1").is_ok());
    proxy.break_networking();
    assert!(connection.batch_execute("SELECT 1").is_err());
    assert!(MysqlConnection::establish(&url).is_err());
    proxy.restore_networking();
    let mut connection = MysqlConnection::establish(&url).expect("through the proxy again");
    assert!(connection.batch_execute("SELECT 1").is_ok());
    assert_eq!(proxy.connections(), 2);
    assert!(proxy.bytes(Direction::ToServer) > 0);
}

#[tokio::test]
async fn a_frozen_network_accepts_and_passes_nothing_until_it_is_restored() {
    let receiver = WebhookReceiver::start();
    let (proxy, url) = through(&receiver);
    proxy.freeze();
    let request = tokio::spawn(client().post(url).body("late").send());
    eventually("the connection is accepted", SOON, async || match proxy.connections() {
        1 => Ok(()),
        others => Err(others),
    })
    .await;
    assert!(receiver.received().is_empty() && !request.is_finished());
    proxy.restore_networking();
    assert_eq!(request.await.expect("no panic").expect("an answer").status(), 200);
    assert_eq!(receiver.received()[0].body, "late");
}

#[tokio::test]
async fn with_frozen_answers_a_request_arrives_and_its_sender_cannot_know() {
    let receiver = WebhookReceiver::start();
    let (proxy, url) = through(&receiver);
    proxy.freeze_answers();
    let answer = client().post(url).body("once").timeout(NO_ANSWER).send().await;
    assert!(answer.expect_err("no answer").is_timeout());
    eventually("the request arrives", SOON, async || receiver.received().pop().ok_or("nothing")).await;
}

#[tokio::test]
async fn a_cut_lets_exactly_its_bytes_pass_and_happens_once() {
    let receiver = WebhookReceiver::start();
    let (proxy, url) = through(&receiver);
    proxy.cut_after(Direction::ToClient, 9);
    assert!(client().post(&url).body("done, but who knows").send().await.is_err());
    assert_eq!((receiver.received().len(), proxy.bytes(Direction::ToClient)), (1, 9));
    proxy.cut_after(Direction::ToServer, 4);
    assert!(client().post(&url).body("never arrives").send().await.is_err());
    assert_eq!(receiver.received().len(), 1);
    assert!(client().post(&url).body("whole").send().await.is_ok());
    assert_eq!(receiver.received()[1].body, "whole");
}

#[tokio::test]
async fn rabbitmq_is_reached_through_the_proxy_and_its_loss_is_noticed() {
    let vhost = Vhost::new().await;
    let proxy = ChaosProxy::before(vhost.address());
    let properties = lapin::ConnectionProperties::default();
    let url = vhost.url_through(proxy.address());
    let connection = lapin::Connection::connect(&url, properties).await.expect("through the proxy");
    proxy.break_networking();
    eventually(
        "lapin notices",
        SOON,
        async || {
            if connection.status().connected() { Err("still connected") } else { Ok(()) }
        },
    )
    .await;
}
