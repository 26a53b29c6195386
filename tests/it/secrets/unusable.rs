//! Values that cannot be used, one at a time: errors, `config`, `doctor` and `--help` name the setting and show no secret.

use super::{
    canary::{CARRIERS, Carries, canary},
    evidence::Evidence,
    given::{commands, spoiled, until_it_has_spoken, unusable, usable},
};
use crate::harness::{Process, TestDatabase};

#[tokio::test(flavor = "multi_thread")]
async fn help_and_config_show_no_secret() {
    let directory = tempfile::tempdir().expect("a directory");
    let with_all = |process: Process| {
        CARRIERS
            .iter()
            .filter(|(_, carries)| !matches!(carries, Carries::FileOf(_)))
            .fold(process, |process, (name, carries)| {
                spoiled(process, directory.path(), name, &unusable(name, *carries)[0])
            })
    };
    let mut evidence = Evidence::default();
    for command in commands() {
        let (status, output, error) = with_all(Process::poundcake(&command)).argument("--help").run().await;
        assert!(status.success() && output.contains("Usage"), "{command}: {error}");
        evidence.add(format!("{command} --help"), output + &error);
    }
    let config = with_all(Process::poundcake("config"));
    // Refused where it is read, before anything else is.
    let config = ["ST2_STREAM_URL", "ST2_WEB_URL", "POUNDCAKE_TLS_KEY"]
        .iter()
        .fold(config, |config, name| config.variable(name, ""));
    for format in ["text", "json"] {
        let (_, output, error) = config.clone().variable("POUNDCAKE_LOG_FORMAT", format).run().await;
        assert!(output.contains("ST2_API_KEY=********"), "{output}{error}");
        evidence.add("config", output + &error);
    }
    evidence.assert_no_canary();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_of_a_setting_that_cannot_be_used_shows_its_secret() {
    let database = TestDatabase::sqlite();
    drop(database.store(1));
    let directory = tempfile::tempdir().expect("a directory");
    let mut evidence = Evidence::default();
    for (name, carries) in CARRIERS {
        let texts = match carries {
            Carries::FileOf(of) => {
                let (_, carries) = CARRIERS.iter().find(|(known, _)| *known == of).expect("the setting");
                let texts = unusable(of, *carries).into_iter().map(|text| text.replace(&canary(of), &canary(name)));
                texts.take(4).collect()
            }
            _ => unusable(name, carries),
        };
        for text in texts {
            for command in readers(name) {
                let process = with_what_it_needs(usable(command, &database.url()), name);
                let running = spoiled(process, directory.path(), name, &text).start();
                until_it_has_spoken(&running).await;
                evidence.add_process(&format!("{command} with {name}={text:?}"), &running);
            }
        }
    }
    for name in ["DATABASE_URL", "AMQP_URL", "ST2_API_URL", "POUNDCAKE_TLS_KEY", "POUNDCAKE_OPERATOR_TOKENS_FILE"] {
        assert!(evidence.of(&format!("with {name}=")).contains(name), "no error names {name}");
    }
    evidence.assert_no_canary();
}

/// Who reads a setting: each of them has errors of its own.
fn readers(name: &str) -> &'static [&'static str] {
    match name {
        "POUNDCAKE_TLS_KEY" | "POUNDCAKE_WEBHOOK_TOKENS_FILE" | "POUNDCAKE_OPERATOR_TOKENS_FILE" => {
            &["ingest", "doctor"]
        }
        "ST2_DATABASE_URL" | "ST2_DATABASE_URL_FILE" | "ST2_STREAM_URL" => &["tracker", "doctor", "config"],
        "ST2_WEB_URL" => &["ingest", "config"],
        _ => &["dispatcher", "doctor", "config"],
    }
}

/// What a setting is of no use without.
fn with_what_it_needs(process: Process, name: &str) -> Process {
    let file = |name: &str| concat!(env!("CARGO_MANIFEST_DIR"), "/src/stackstorm/tls/").to_owned() + name;
    match name {
        "POUNDCAKE_TLS_KEY" => process.variable("POUNDCAKE_TLS_CERT", file("test-cert.pem")),
        "POUNDCAKE_DB_KEY_FILE" => process
            .variable("DATABASE_URL", "mysql://pc:x@127.0.0.1:1/pc")
            .variable("POUNDCAKE_DB_CERT_FILE", file("test-cert.pem")),
        "POUNDCAKE_AMQP_KEY_FILE" => process
            .variable("AMQP_URL", "amqps://pc:x@127.0.0.1:1/%2f")
            .variable("POUNDCAKE_AMQP_CERT_FILE", file("test-cert.pem")),
        "ST2_AUTH_URL" | "ST2_PASSWORD" | "ST2_PASSWORD_FILE" => process
            .variable("ST2_API_KEY", "")
            .variable("ST2_AUTH_URL", "http://127.0.0.1:1/tokens")
            .variable("ST2_USERNAME", "pc")
            .variable("ST2_PASSWORD", if name == "ST2_AUTH_URL" { "x" } else { "" }),
        _ => match name.strip_suffix("_FILE") {
            Some(of) if CARRIERS.iter().any(|(known, _)| *known == of) => process.variable(of, ""),
            _ => process,
        },
    }
}
