//! Neighbours that refuse the login, or repeat it in their answer: what is logged, stored and shown has no secret.

use super::{
    canary::canary,
    evidence::Evidence,
    given::{until_it_has_spoken, usable},
};
use crate::harness::{Pipeline, SOON, Setup, Shape, T0, WebhookReceiver, client, eventually, firing};

/// An address of a server that is there, with the setting's canary as a password that it does not know.
fn with_wrong_password(url: &str, setting: &str) -> String {
    let mut url = url::Url::parse(url).expect("a URL");
    url.set_password(Some(&canary(setting))).expect("a URL with a host");
    url.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_at_a_database_or_at_the_broker_shows_no_secret() {
    let setup = Setup::new(Shape::Separate).await;
    let mut evidence = Evidence::default();
    let cases = [
        ("DATABASE_URL", setup.database.url(), &["ingest", "dispatcher", "tracker", "doctor", "alerts"][..]),
        ("AMQP_URL", setup.vhost.as_ref().expect("a vhost").url(), &["ingest", "dispatcher", "doctor"]),
        ("ST2_DATABASE_URL", setup.database.url(), &["tracker", "doctor"]),
    ];
    for (name, url, commands) in cases {
        for command in commands {
            let process = setup.process(command).variable("RUST_LOG", "debug");
            let running = process.variable(name, with_wrong_password(&url, name)).start();
            if *command == "doctor" || *command == "alerts" {
                running.exited(SOON).await;
            } else {
                eventually("the refusal is logged", SOON, async || {
                    let log = running.output("stderr").to_ascii_lowercase();
                    if ["access denied", "access_refused", "access refused"].iter().any(|word| log.contains(word)) {
                        Ok(())
                    } else {
                        Err(log)
                    }
                })
                .await;
            }
            evidence.add_process(&format!("{command} with {name}"), &running);
        }
    }
    evidence.add_rows(&setup.database);
    evidence.assert_no_canary();
}

/// A key, then a password, that StackStorm does not know.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_at_stackstorm_shows_no_secret() {
    for by_password in [false, true] {
        let setup = Setup::new(Shape::Standalone).await;
        let setup = if by_password {
            let auth_url = setup.stand_in.auth_url();
            setup
                .variable("ST2_API_KEY", "")
                .variable("ST2_AUTH_URL", auth_url)
                .variable("ST2_USERNAME", "st2admin")
                .variable("ST2_PASSWORD", canary("ST2_PASSWORD"))
        } else {
            setup.variable("ST2_API_KEY", canary("ST2_API_KEY"))
        };
        shows_nothing(setup.variable("RUST_LOG", "debug").start().await).await;
    }
}

/// A proxy's page for debugging repeats the request's headers; the text of an answer is stored and shown.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_repeats_the_credentials_is_shown_without_them() {
    for by_password in [false, true] {
        let proxy = WebhookReceiver::start();
        for status in [401, 400, 500] {
            proxy.echo_with(status);
            let setup = Setup::new(Shape::Standalone).await;
            let setup =
                setup.variable("ST2_API_URL", proxy.url("/v1")).variable("ST2_STREAM_URL", proxy.url("/stream"));
            let setup = if by_password {
                setup
                    .variable("ST2_API_KEY", "")
                    .variable("ST2_AUTH_URL", proxy.url("/tokens"))
                    .variable("ST2_USERNAME", "pc")
                    .variable("ST2_PASSWORD", canary("ST2_PASSWORD"))
            } else {
                setup.variable("ST2_API_KEY", canary("ST2_API_KEY"))
            };
            shows_nothing(setup.variable("RUST_LOG", "debug").start().await).await;
        }
        let sent: String = proxy.received().into_iter().map(|request| request.head).collect();
        assert!(!super::canary::leaks(&sent).is_empty(), "the proxy was shown no secret: {sent}");
    }
}

/// An alert is tried until StackStorm has refused it.
async fn shows_nothing(pipeline: Pipeline) {
    pipeline.send(&[firing("HostDown", "web-1", T0)]).await;
    eventually("StackStorm refuses", SOON, async || {
        let tried =
            "poundcake_alerts WHERE dispatch_attempts > 0 OR dispatch_log <> '[]' OR dispatch_error IS NOT NULL";
        if pipeline.database().count(tried) == 1 { Ok(()) } else { Err(pipeline.ingest.output("stderr")) }
    })
    .await;
    let mut evidence = Evidence::default();
    for path in ["/", "/alerts", "/alerts/1", "/doctor", "/api/v1/alerts/1", "/api/v1/processes", "/readyz", "/metrics"]
    {
        let answer = client().get(pipeline.ingest.url(path)).send().await.expect("an answer");
        evidence.add(path, answer.text().await.expect("a text"));
    }
    let (_, output, error) = pipeline.setup.process("doctor").run().await;
    evidence.add("doctor", output + &error);
    evidence.add_process("standalone", &pipeline.ingest);
    evidence.add_rows(pipeline.database());
    assert!(evidence.of("rows of poundcake_alerts").contains("HostDown"));
    evidence.assert_no_canary();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_speaks_no_tls_is_shown_no_secret_and_shows_none() {
    let receiver = WebhookReceiver::start();
    let address = receiver.url("").trim_start_matches("http://").to_owned();
    let mut evidence = Evidence::default();
    for (command, name, url) in [
        ("ingest", "DATABASE_URL", format!("mysql://pc:{}@{address}/pc?ssl_mode=required", canary("DATABASE_URL"))),
        ("dispatcher", "AMQP_URL", format!("amqps://pc:{}@{address}/%2f", canary("AMQP_URL"))),
        ("doctor", "AMQP_URL", format!("amqps://pc:{}@{address}/%2f", canary("AMQP_URL"))),
        ("doctor", "ST2_API_URL", format!("https://{address}/v1")),
    ] {
        let database = crate::harness::TestDatabase::sqlite();
        drop(database.store(1));
        let running = usable(command, &database.url()).variable(name, url).start();
        until_it_has_spoken(&running).await;
        evidence.add_process(&format!("{command} with {name}"), &running);
    }
    let sent = receiver.received().into_iter().map(|request| request.head + &request.body).collect::<String>();
    evidence.add("what was sent", sent);
    evidence.assert_no_canary();
}
