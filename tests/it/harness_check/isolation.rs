//! A database and a vhost are one test's own and gone afterwards.

use crate::harness::{Services, TestDatabase, Vhost, eventually};
use serde_json::json;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn two_databases_of_either_kind_know_nothing_of_each_other() {
    for (one, other) in TestDatabase::each().iter().zip(&TestDatabase::each()) {
        one.execute("CREATE TABLE t (a VARCHAR(9))");
        assert_eq!(one.execute("INSERT INTO t VALUES ('x'), (NULL)"), 2);
        other.execute("CREATE TABLE t (a VARCHAR(9))");
        assert_eq!((one.count("t WHERE a = 'x'"), other.count("t")), (1, 0));
        assert_eq!(one.lines("SELECT a AS value FROM t ORDER BY a DESC"), ["x", "NULL"]);
    }
}

#[test]
fn a_dropped_database_is_gone_even_while_somebody_holds_a_transaction_in_it() {
    use diesel::{Connection, MysqlConnection, connection::SimpleConnection};
    let (watching, gone) = (TestDatabase::mariadb(), TestDatabase::mariadb());
    let name = gone.url().rsplit('/').next().map(str::to_owned).expect("a name");
    gone.execute("CREATE TABLE t (a INT)");
    let mut left_open = MysqlConnection::establish(&gone.url()).expect("a connection");
    left_open.batch_execute("BEGIN; INSERT INTO t VALUES (1)").expect("a transaction");
    drop(gone);
    assert!(left_open.batch_execute("COMMIT").is_err());
    assert_eq!(watching.count(&format!("information_schema.schemata WHERE schema_name = '{name}'")), 0);
}

#[tokio::test]
async fn two_vhosts_know_nothing_of_each_other() {
    let (one, other) = (Vhost::new().await, Vhost::new().await);
    one.declare("q", json!({"x-queue-type": "quorum"})).await;
    one.publish("q", "hello").await;
    eventually("the message is counted", SOON, async || match one.depth("q").await {
        Some(1) => Ok(()),
        depth => Err(depth),
    })
    .await;
    assert_eq!(one.peek("q", 10).await, ["hello"]);
    assert_eq!(other.depth("q").await, None);
    one.purge("q").await;
    assert!(one.peek("q", 10).await.is_empty());
    one.delete_queue("q").await;
    assert_eq!(one.depth("q").await, None);
}

#[tokio::test]
async fn a_wiped_vhost_is_there_and_empty() {
    let vhost = Vhost::new().await;
    vhost.declare("q", json!({})).await;
    vhost.wipe().await;
    assert_eq!(vhost.depth("q").await, None);
    let properties = lapin::ConnectionProperties::default();
    let connection = lapin::Connection::connect(&vhost.url(), properties).await.expect("our rights in it");
    connection.close(200, "done".into()).await.expect("an orderly end");
}

#[tokio::test]
async fn servers_of_its_own_can_be_killed_and_revived_by_a_test() {
    let services = Services::private();
    let database = TestDatabase::mariadb_on(services.clone());
    let vhost = Vhost::new_on(services.clone()).await;
    let name = vhost.url().rsplit('/').next().map(str::to_owned).expect("a name");
    assert!(services.rabbitmqctl(&["list_vhosts"]).contains(&name));
    services.kill_database();
    eventually("no server answers", SOON, async || match std::net::TcpStream::connect(database.address()) {
        Ok(_) => Err("it answers"),
        Err(_) => Ok(()),
    })
    .await;
    services.revive_database();
    assert_eq!(database.count("(SELECT 1 AS one) AS alive"), 1);
    vhost.declare("q", json!({"x-queue-type": "quorum"})).await;
    services.signal_rabbitmq("KILL");
    services.revive_rabbitmq();
    eventually("the queue is still there", SOON, async || vhost.depth("q").await.ok_or("no queue")).await;
}
