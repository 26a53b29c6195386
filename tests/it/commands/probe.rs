//! `poundcake probe`, as a health check calls it.

use crate::{
    harness::{Process, SOON, TestDatabase, eventually},
    http_api::app::{App, settings},
};
use poundcake::config::HttpSettings;
use std::path::PathBuf;

fn tls(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/stackstorm/tls").join(name)
}

/// The exit code and the output of a probe with these arguments.
async fn asked(probe: &Process, arguments: &[&str]) -> (Option<i32>, String) {
    let probe = arguments.iter().fold(probe.clone(), |probe, argument| probe.argument(*argument));
    let (status, output, error) = probe.run().await;
    (status.code(), output + &error)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_work_is_live_and_not_ready_and_the_probe_says_why() {
    let app = App::on(TestDatabase::sqlite());
    let probe = Process::poundcake("probe").variable("POUNDCAKE_LISTEN", app.address.to_string());
    assert_eq!(asked(&probe, &[]).await, (Some(0), format!("http://{}/readyz answered 200 OK\n", app.address)));
    app.database.execute("ALTER TABLE poundcake_api_calls RENAME TO away");
    let url = format!("http://{}/readyz", app.address);
    for arguments in [&["standalone"][..], &["--url", &url]] {
        eventually("not ready", SOON, async || {
            let (code, said) = asked(&probe, arguments).await;
            if code == Some(1) && said.contains("503") && said.contains("detail") { Ok(()) } else { Err(said) }
        })
        .await;
    }
    assert_eq!(asked(&probe, &["--live"]).await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_tls_is_asked_over_tls() {
    let (cert, key) = (tls("test-cert.pem"), tls("test-key.pem"));
    let encrypted = HttpSettings { tls_cert: Some(cert.clone()), tls_key: Some(key.clone()), ..settings() };
    let app = App::with(TestDatabase::sqlite(), &encrypted).unwrap();
    // The certificate is for the name that clients use.
    let probe = Process::poundcake("probe").variable("POUNDCAKE_LISTEN", app.address.to_string());
    let over_tls = probe
        .clone()
        .variable("POUNDCAKE_TLS_CERT", cert.display().to_string())
        .variable("POUNDCAKE_TLS_KEY", key.display().to_string());
    assert_eq!(asked(&over_tls, &[]).await, (Some(0), format!("https://{}/readyz answered 200 OK\n", app.address)));
    assert_eq!(asked(&probe, &[]).await.0, Some(1), "without TLS");
}
