//! Passwords that change while the processes run: the file is what counts, from the next connection on.

use super::{alerts, proxied};
use crate::harness::{PATIENCE, Pipeline, Setup, Shape, eventually};

/// A pipeline that has a variable from a file instead, and the file.
async fn from_file(setup: Setup, name: &str, url: &str) -> (Pipeline, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), url).expect("the file");
    let path = file.path().display().to_string();
    (setup.variable(name, "").variable(&format!("{name}_FILE"), path).start().await, file)
}

async fn works(pipeline: &Pipeline, from: usize, to: usize) {
    for alert in &alerts(to)[from..] {
        pipeline.deliver(std::slice::from_ref(alert)).await;
    }
    pipeline.settled_within(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_database_password_is_read_from_its_file_without_a_restart() {
    let setup = proxied(Shape::Separate).await;
    let url = setup.database.url();
    let (pipeline, file) = from_file(setup, "DATABASE_URL", &url).await;
    works(&pipeline, 0, 3).await;
    pipeline.database().administer("ALTER USER {user} IDENTIFIED BY 'rotated'");
    std::fs::write(file.path(), url.replace(":test@", ":rotated@")).expect("the file");
    pipeline.database().administer("KILL USER {user}");
    // The processes have the new password before the test's own look at the rows needs the old one.
    for alert in &alerts(6)[3..] {
        pipeline.deliver(std::slice::from_ref(alert)).await;
    }
    let ran = async || match pipeline.st2().executions().iter().filter(|execution| execution.parent.is_none()).count() {
        6 => Ok(()),
        other => Err(other),
    };
    eventually("both processes work with the new password", PATIENCE, ran).await;
    pipeline.database().administer("ALTER USER {user} IDENTIFIED BY 'test'");
    std::fs::write(file.path(), url).expect("the file");
    pipeline.settled_within(PATIENCE).await;
    pipeline.assert_ledger(6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_broker_user_is_read_from_its_file_without_a_restart() {
    let setup = proxied(Shape::Separate).await;
    let first = setup.vhost.as_ref().expect("a vhost").add_user("first").await;
    let (pipeline, file) = from_file(setup, "AMQP_URL", &first).await;
    works(&pipeline, 0, 3).await;
    let vhost = pipeline.setup.vhost.as_ref().expect("a vhost");
    std::fs::write(file.path(), vhost.add_user("second").await).expect("the file");
    // RabbitMQ closes the connections of a user that is gone.
    vhost.remove_user("first").await;
    works(&pipeline, 3, 6).await;
    pipeline.assert_ledger(6).await;
    vhost.remove_user("second").await;
}
