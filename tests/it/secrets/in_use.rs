//! Secrets that are right and in use: logs at debug level, rows, pages, answers, metrics and commands show none.

use super::{canary::canary, evidence::Evidence};
use crate::harness::{PATIENCE, Running, SOON, Setup, Shape, T0, client, eventually, firing};
use poundcake::http::all_routes;
use serde_json::json;
use st2_stand_in::Options;

const ROUTES: &str = "routes: [{name: secret, match: 'alertname=\"Secret\"', action: remediation.secretive, \
                      parameters: {token: SECRET}}, {name: wait, match: 'alertname=\"Wait\"', \
                      action: remediation.secretive, parameters: {token: SECRET}, mode: approve}, \
                      {name: all, action: core.noop}]";

/// Every login is a canary: MariaDB, RabbitMQ, StackStorm, and all tokens.
async fn setup(by_password: bool) -> Setup {
    let mut options = Options::for_tests(&canary("ST2_API_KEY"));
    options.password = canary("ST2_PASSWORD");
    let setup = Setup::with(Shape::Separate, &options).await;
    setup.database.administer(&format!("ALTER USER {{user}} IDENTIFIED BY '{}'", canary("DATABASE_URL")));
    let url = setup.database.url().replace(":test@", &format!(":{}@", canary("DATABASE_URL")));
    let vhost = setup.vhost.as_ref().expect("a vhost");
    let amqp_url = vhost.add_user_with("canary", &canary("AMQP_URL")).await;
    let auth_url = setup.stand_in.auth_url();
    let token = |name: &str, setting: &str, role: &str| format!("{name}:{}{role}\n", canary(setting));
    let (webhook, operator) = ("POUNDCAKE_WEBHOOK_TOKENS_FILE", "POUNDCAKE_OPERATOR_TOKENS_FILE");
    let setup = setup
        .variable("DATABASE_URL", url)
        .variable("AMQP_URL", amqp_url)
        .file(webhook, &token("am", webhook, ""))
        .file(operator, &token("alice", operator, ""))
        .routes(&ROUTES.replace("SECRET", &canary("POUNDCAKE_ROUTES")))
        .variable("RUST_LOG", "debug");
    if !by_password {
        return setup.variable("ST2_API_KEY", canary("ST2_API_KEY"));
    }
    setup
        .variable("ST2_API_KEY", "")
        .variable("ST2_AUTH_URL", auth_url)
        .variable("ST2_USERNAME", "st2admin")
        .variable("ST2_PASSWORD", canary("ST2_PASSWORD"))
}

async fn send(ingest: &Running, name: &str) {
    let alerts = json!({ "version": "4", "status": "firing", "alerts": [firing(name, "web-1", T0)] }).to_string();
    let post = client().post(ingest.url("/api/v1/webhook")).bearer_auth(canary("POUNDCAKE_WEBHOOK_TOKENS_FILE"));
    assert_eq!(post.body(alerts).send().await.expect("an answer").status(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_use_are_shown_nowhere() {
    for by_password in [false, true] {
        let pipeline = setup(by_password).await.start().await;
        let tracker = pipeline.start_tracker().await;
        for name in ["HostDown", "Secret", "Wait"] {
            send(&pipeline.ingest, name).await;
        }
        eventually("two alerts ran and one waits", PATIENCE, async || {
            let seen = pipeline.statuses("");
            let waits = seen.iter().any(|row| row == "Wait held/approval");
            let settled = seen.iter().filter(|row| row.contains("dispatched") || row.contains("failed")).count();
            if waits && settled == 2 { Ok(()) } else { Err(seen) }
        })
        .await;
        let mut evidence = Evidence::default();
        answers(&pipeline.ingest, &mut evidence).await;
        wrong_ones(&pipeline.ingest, &mut evidence).await;
        for process in [pipeline.dispatcher(), &tracker] {
            let metrics = client().get(process.url("/metrics")).send().await.expect("an answer");
            evidence.add("metrics", metrics.text().await.expect("a text"));
        }
        let alert = r#"{"labels":{"alertname":"Secret"}}"#;
        for arguments in [
            &["doctor"][..],
            &["doctor", "--output=json"],
            &["config"],
            &["routes", "test", "alert.json"],
            &["alerts"],
            &["history", "1"],
            &["guards"],
            &["orders"],
            &["stats"],
            &["migrate", "status"],
            &["replay", "--dry-run", "--reason=x", "--alert-name=Secret"],
        ] {
            let process = pipeline.setup.process(arguments[0]).file("alert.json", alert);
            let process = arguments[1..].iter().fold(process, |process, argument| process.argument(*argument));
            let (_, output, error) = process.run().await;
            evidence.add(arguments.join(" "), output + &error);
        }
        for (name, process) in
            [("ingest", &pipeline.ingest), ("dispatcher", pipeline.dispatcher()), ("tracker", &tracker)]
        {
            process.terminate(SOON).await;
            evidence.add_process(name, process);
            assert!(evidence.of(&format!("{name}: stderr")).contains("DEBUG"), "{name} logs at debug level");
        }
        evidence.add_rows(pipeline.database());
        assert!(evidence.of("/alerts").contains("********"), "the secret parameter is shown as a mask");
        evidence.assert_no_canary();
    }
}

/// Every page and answer that can be read, with the operator's token and with its session.
async fn answers(ingest: &Running, evidence: &mut Evidence) {
    let token = canary("POUNDCAKE_OPERATOR_TOKENS_FILE");
    let signed_in =
        client().post(ingest.url("/login")).body(format!("token={token}&next=/")).send().await.expect("an answer");
    let cookie = signed_in.headers()["set-cookie"].to_str().expect("a text").to_owned();
    evidence.add("the cookie", cookie.clone());
    let session = cookie.split(';').next().expect("a session").to_owned();
    for route in all_routes().filter(|route| route.method == "GET") {
        for id in ["1", "2", "3"] {
            let path = route.path.replace("{id}", id).replace("{request_id}", "01890a5d-ac96-774b-bcce-b302099a8057");
            let path = path.replace("{st2_execution_id}", "6b0264acac6a4b12e50e28d7");
            let get = client().get(ingest.url(&path));
            let get = if route.page { get.header("cookie", &session) } else { get.bearer_auth(&token) };
            let answer = get.send().await.expect("an answer");
            evidence.add(format!("{path} headers"), format!("{:?}", answer.headers()));
            evidence.add(path, answer.text().await.expect("a text"));
        }
    }
}

/// Tokens in places where they are no use, or nearly right: the answer and the log repeat none of them.
async fn wrong_ones(ingest: &Running, evidence: &mut Evidence) {
    let (sender, operator) = (canary("POUNDCAKE_WEBHOOK_TOKENS_FILE"), canary("POUNDCAKE_OPERATOR_TOKENS_FILE"));
    let requests = [
        client().get(ingest.url("/api/v1/alerts")).bearer_auth(format!("{operator}x")),
        client().get(ingest.url("/api/v1/alerts")).bearer_auth(&sender),
        client().get(ingest.url("/api/v1/alerts")).basic_auth("bob", Some(&operator)),
        client().get(ingest.url("/api/v1/alerts")).header("authorization", format!("Token {operator}")),
        client().get(ingest.url(&format!("/api/v1/alerts?token={operator}"))),
        client().get(ingest.url(&format!("/api/v1/alerts?token={operator}"))).bearer_auth(&operator),
        client().post(ingest.url("/api/v1/webhook")).bearer_auth(&operator).body("{}"),
        client().post(ingest.url("/login")).body(format!("token={sender}&next=/")),
        client().post(ingest.url("/login")).body(format!("token={operator}x&next=/")),
    ];
    for (index, request) in requests.into_iter().enumerate() {
        let answer = request.send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a text"));
        evidence.add(format!("wrong {index}: {status}"), text);
    }
}
