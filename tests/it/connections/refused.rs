//! A wrong password is no outage: commands say so and end, servers say so once and keep trying.

use super::{finding, loud};
use crate::harness::{Process, SOON, TestDatabase, Vhost, eventually};
use std::time::{Duration, Instant};

/// A person waits for the answer.
const PROMPT: Duration = Duration::from_secs(30);

/// `DATABASE_URL`s that no waiting makes right, and what is said of each.
fn wrong(database: &TestDatabase) -> Vec<(String, &'static str)> {
    let url = database.url();
    vec![
        (format!("{url}/"), "take the extra / out"),
        (url.replace(":test@", ":s3cret@"), "correct user and password in DATABASE_URL"),
        (nowhere(database), "DATABASE_URL"),
    ]
}

/// The same user in a database that is not there.
fn nowhere(database: &TestDatabase) -> String {
    format!("{}/pc_nowhere", database.url().rsplit_once('/').expect("a path").0)
}

const COMMANDS: [&[&str]; 9] = [
    &["migrate", "up"],
    &["migrate", "status"],
    &["migrate", "legacy", "--dry-run"],
    &["history", "1"],
    &["alerts"],
    &["stats"],
    &["failed"],
    &["replay", "--dispatch-status=failed", "--reason=x", "--dry-run"],
    &["prune", "--older-than=90d"],
];

fn command(words: &[&str]) -> Process {
    words[1..].iter().fold(Process::poundcake(words[0]), |process, word| process.argument(*word))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_ends_with_what_to_do_when_the_database_refuses_it() {
    let database = TestDatabase::mariadb();
    for (url, words) in wrong(&database) {
        for arguments in COMMANDS {
            let begun = Instant::now();
            let (status, _, error) = command(arguments).variable("DATABASE_URL", &url).run().await;
            assert_eq!(status.code(), Some(1), "{arguments:?}: {error}");
            assert!(error.contains(words), "{arguments:?}: no {words:?} in {error}");
            assert!(!error.contains("s3cret") && !error.contains("waiting for"), "{arguments:?}: {error}");
            assert!(begun.elapsed() < PROMPT, "{arguments:?} took {:?}", begun.elapsed());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_database_is_named() {
    let database = TestDatabase::mariadb();
    database.administer("GRANT ALL PRIVILEGES ON `pc\\_%`.* TO {user}");
    let (status, _, error) = command(&["alerts"]).variable("DATABASE_URL", nowhere(&database)).run().await;
    assert_eq!(status.code(), Some(1), "{error}");
    assert!(error.contains("Unknown database 'pc_nowhere'") && error.contains("create the database"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_do_not_wait_for_ever_for_a_database_that_says_nothing() {
    // Accepts connections, and never says a word.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    for host in ["127.0.0.1", "localhost.localdomain"] {
        if host != "127.0.0.1" && tokio::net::lookup_host((host, port)).await.is_err() {
            continue;
        }
        for arguments in [&["alerts"][..], &["migrate", "status"]] {
            let begun = Instant::now();
            let url = format!("mysql://u:s3cret@{host}:{port}/pc");
            let (status, _, error) = command(arguments).variable("DATABASE_URL", url).run().await;
            assert_eq!(status.code(), Some(1), "{arguments:?}: {error}");
            assert!(error.contains("database") && !error.contains("s3cret"), "{arguments:?}: {error}");
            assert!(begun.elapsed() < PROMPT, "{arguments:?} took {:?}", begun.elapsed());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_says_once_that_its_password_is_refused_and_starts_when_it_is_right() {
    let database = TestDatabase::mariadb();
    drop(database.store(1));
    database.administer("ALTER USER {user} IDENTIFIED BY 'another'");
    let ingest = Process::poundcake("ingest")
        .variable("DATABASE_URL", database.url())
        .variable("AMQP_URL", "amqp://guest:guest@127.0.0.1:1/%2f")
        .start();
    eventually("it has tried a few times", SOON, async || {
        let tries = ingest.events("database_refused").len();
        if tries > 3 { Ok(()) } else { Err(tries) }
    })
    .await;
    assert_eq!(loud(&ingest.events("database_refused")), 1, "{}", ingest.output("stderr"));
    assert_eq!(ingest.output("stderr").matches("correct user and password").count(), 1);
    database.administer("ALTER USER {user} IDENTIFIED BY 'test'");
    let ingest = ingest.ready().await;
    assert_eq!(ingest.events("database_usable").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_changes_while_ingest_runs_is_said_once() {
    let database = TestDatabase::mariadb();
    drop(database.store(1));
    let ingest = Process::poundcake("ingest")
        .variable("DATABASE_URL", database.url())
        .variable("AMQP_URL", "amqp://guest:guest@127.0.0.1:1/%2f")
        .start()
        .ready()
        .await;
    database.administer("ALTER USER {user} IDENTIFIED BY 'another'");
    database.administer("KILL USER {user}");
    eventually("the relay has met it a few times", SOON, async || {
        let tries = ingest.events("database_waiting").iter().filter(|line| line.contains("poundcake::relay")).count();
        if tries >= 3 { Ok(()) } else { Err(tries) }
    })
    .await;
    assert_eq!(loud(&ingest.events("database_refused")), 1, "{}", ingest.output("stderr"));
    database.administer("ALTER USER {user} IDENTIFIED BY 'test'");
    eventually("it says that it can", SOON, async || {
        if ingest.events("database_usable").len() == 1 { Ok(()) } else { Err("not yet") }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_refusing_is_logged_once_with_advice() {
    let (database, vhost) = (TestDatabase::mariadb(), Vhost::new().await);
    drop(database.store(1));
    let url = vhost.url();
    let cases = [
        (url.replace("guest:guest@", "guest:s3cret@"), "correct user and password in AMQP_URL"),
        (format!("{url}-nowhere"), "create the vhost"),
    ];
    for (url, words) in cases {
        let (level, text) =
            finding(&Process::poundcake("doctor").variable("AMQP_URL", &url), "rabbitmq", "reachable").await;
        assert!(level == "wrong" && text.contains(words), "{text}");
        let ingest = Process::poundcake("ingest")
            .variable("DATABASE_URL", database.url())
            .variable("AMQP_URL", &url)
            .start()
            .ready()
            .await;
        eventually("it is said", SOON, async || {
            if ingest.events("broker_refused").is_empty() { Err("not yet") } else { Ok(()) }
        })
        .await;
        eventually("it was tried again", SOON, async || {
            let tries = ingest.events("broker_refused").len();
            if tries >= 3 { Ok(()) } else { Err(tries) }
        })
        .await;
        let text = ingest.output("stderr");
        let loud: Vec<&str> = text.lines().filter(|line| line.contains(" ERROR ")).collect();
        assert!(loud.len() == 1 && loud[0].contains(words), "{text}");
        assert!(!ingest.output("stderr").contains("s3cret"));
    }
}
