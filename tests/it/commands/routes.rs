//! `poundcake routes test`: what would happen to an alert, with StackStorm's declarations where it can be asked, and without.

use super::{file, repository};
use crate::harness::{KEY, Process, firing};
use st2_stand_in::{Options, StandIn};
use std::process::ExitStatus;

const ROUTES: &str = r#"
routes:
  - name: hosts
    match: alertname="HostDown", severity=~"critical|page"
    action: remediation.host_down_workflow
    parameters:
      host: ${labels.instance}
  - match: alertname=~"Disk.*"
    webhook: disks
  - match: alertname="Net"
    webhook: nets
    on_uncertain: post_again
"#;

async fn routes_test(routes: Option<&str>, alert: &str) -> (ExitStatus, String, String) {
    routes_test_with(routes, alert, &[]).await
}

async fn routes_test_with(
    routes: Option<&str>,
    alert: &str,
    variables: &[(&str, String)],
) -> (ExitStatus, String, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let alert = file(&directory, "alert.json", alert);
    let mut process = Process::poundcake("routes").argument("test").argument(alert.display().to_string());
    if let Some(routes) = routes {
        let path = file(&directory, "routes.yaml", routes);
        process = process.variable("POUNDCAKE_ROUTES", path.display().to_string());
    }
    for (name, value) in variables {
        process = process.variable(name, value);
    }
    process.run().await
}

#[tokio::test]
async fn a_recorded_webhook_is_shown_alert_by_alert() {
    let webhook = repository("tests/data/payloads/02-group-of-3-firing.json");
    let (status, output, error) = routes_test(None, &webhook).await;
    assert!(status.success(), "{error}");
    assert_eq!(output.matches("webhook:poundcake_alert").count(), 3, "{output}");
    assert!(output.contains("request_id:"), "the webhook's body is shown: {output}");
}

#[tokio::test]
async fn a_single_alert_takes_the_first_route_that_matches() {
    let (status, output, error) =
        routes_test(Some(ROUTES), &firing("HostDown", "web-1:9100", "2026-11-22T01:00:00Z").to_string()).await;
    assert!(status.success(), "{error}");
    assert!(output.contains("route hosts: action:remediation.host_down_workflow"), "{output}");
    assert!(output.contains("host: \"web-1:9100\""), "{output}");
    let (_, output, _) =
        routes_test(Some(ROUTES), &firing("DiskFull", "db-1", "2026-11-22T01:00:00Z").to_string()).await;
    assert!(output.contains("route 2: webhook:disks") && output.contains("on_uncertain: fail"), "{output}");
    let (_, output, _) = routes_test(Some(ROUTES), &firing("Net", "db-1", "2026-11-22T01:00:00Z").to_string()).await;
    assert!(output.contains("on_uncertain: post_again"), "{output}");
    let (status, output, _) =
        routes_test(Some(ROUTES), &firing("Nothing", "db-1", "2026-11-22T01:00:00Z").to_string()).await;
    assert!(status.success() && output.contains("skipped/no_route"), "{output}");
    let (_, output, _) = routes_test(Some(ROUTES), &firing("Watchdog", "-", "2026-11-22T01:00:00Z").to_string()).await;
    assert!(output.contains("muted by POUNDCAKE_MUTE"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_stackstorm_would_refuse_are_named_and_secrets_are_masked() {
    let stand_in = StandIn::start(&Options::for_tests(KEY)).expect("a stand-in");
    let variables = [("ST2_API_URL", stand_in.api_url()), ("ST2_API_KEY", KEY.to_owned())];
    let alert = firing("HostDown", "web-1", "2026-11-22T01:00:00Z").to_string();
    let of = async |route: &str| {
        let routes = format!("routes: [{{name: one, {route}}}]");
        let (status, output, error) = routes_test_with(Some(&routes), &alert, &variables).await;
        assert!(error.is_empty(), "{error}");
        (status.code().expect("a code"), output)
    };
    let (code, output) = of("action: remediation.host_down_workflow, parameters: {sleep: 1}").await;
    assert!(code == 0 && output.contains("sleep: 1") && !output.contains("labels:"), "{output}");
    let (code, output) = of("action: core.local, parameters: {cmd: ls, sudo_password: s3cret, cwd: /}").await;
    assert!(code == 0 && output.contains("sudo_password: \"********\"") && output.contains("cwd: \"/\""), "{output}");
    let cases = [
        (
            "action: core.local, parameters: {cmd: ls, cwdd: /}",
            "WRONG: parameter \"cwdd\" is unknown to the action and its runner",
        ),
        (
            "action: core.local, parameters: {cmd: ls, timeout: soon}",
            "WRONG: parameter \"timeout\" must be of type integer",
        ),
        ("action: core.echo", "WRONG: parameter \"message\" is required"),
        ("action: remediation.secretive, parameters: {cmd: ls}", "WRONG: parameter \"cmd\" is immutable"),
        ("action: remediation.disabled", "WRONG: the action is disabled"),
        ("action: remediation.nowhere", "WRONG: StackStorm has no action remediation.nowhere"),
    ];
    for (route, said) in cases {
        let (code, output) = of(route).await;
        assert!(code == 1 && output.contains(said), "{route}: {output}");
    }
    assert!(stand_in.control().executions().is_empty(), "nothing is run");
}

#[tokio::test]
async fn without_stackstorm_routes_are_shown_with_a_note_and_likely_secrets_masked() {
    let routes =
        "routes: [{action: core.remote, parameters: {hosts: a, private_key: s3cret, password: '${labels.x?}'}}]";
    let alert = firing("HostDown", "web-1", "2026-11-22T01:00:00Z").to_string();
    let away = [("ST2_API_URL", "http://127.0.0.1:1/v1".to_owned()), ("ST2_API_KEY", "k".to_owned())];
    for (variables, why) in [(&away[..0], "ST2_API_URL is not set"), (&away[..], "StackStorm did not answer")] {
        let (status, output, error) = routes_test_with(Some(routes), &alert, variables).await;
        assert!(status.success(), "{error}");
        assert!(output.contains("not checked") && output.contains(why), "{output}");
        assert!(output.contains("private_key: \"********\"") && output.contains("hosts: \"a\""), "{output}");
    }
}

#[tokio::test]
async fn the_guards_that_an_alert_meets_are_shown_in_the_order_in_which_they_decide() {
    const GUARDED: &str = r#"
guards: {max_in_flight: 100}
routes:
  - {name: 'off', match: 'alertname="Off"', action: a.b, mode: 'off'}
  - {name: shadow, match: 'alertname="Shadow"', action: a.b, mode: shadow}
  - name: hosts
    action: a.b
    mode: approve
    guards:
      cooldown: 5m
      max_in_flight: 5
      rate: [20/h, 3/10m]
      per_target: {label: instance, rate: [3/h]}
      brake: {above: 20, within: 10m, release: by_hand}
"#;
    let of = async |name: &str| {
        let alert = firing(name, "web-1", "2026-11-22T01:00:00Z").to_string();
        let (status, output, error) = routes_test(Some(GUARDED), &alert).await;
        assert!(status.success(), "{output}{error}");
        output
            .lines()
            .filter(|line| line.starts_with("  held") || line.starts_with("  mode"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("Off").await, ["  mode off: skipped/route_off, nothing is sent"]);
    assert_eq!(
        of("Shadow").await,
        [
            "  held/cooldown if this alert was started within the last 10m",
            "  mode shadow: skipped/shadow, with what would be sent in dispatch_log"
        ]
    );
    assert_eq!(
        of("HostDown").await,
        [
            "  held/cooldown if this alert was started within the last 5m",
            "  held/approval until a person approves it; after 1h skipped/not_approved",
            "  held/target_rate while \"web-1\" was started too often: 3/h",
            "  held/brake while more than 20 targets wait or were started within 10m, until a person releases the route",
            "  held/in_flight while 5 of the route are unfinished",
            "  held/in_flight while 100 of all routes together are unfinished",
            "  held/rate while a window is full: 20/h, 3/10m",
        ]
    );
}

#[tokio::test]
async fn an_empty_placeholder_is_shown_as_rejected() {
    let routes = "routes: [{action: a.b, parameters: {hosts: '${labels.cluster}-*'}}]";
    let alert = firing("HostDown", "web-1", "2026-11-22T01:00:00Z").to_string();
    let (status, output, _) = routes_test(Some(routes), &alert).await;
    assert!(status.code() == Some(1) && output.contains("failed/rejected: ${labels.cluster} is empty"), "{output}");
}

#[tokio::test]
async fn an_invalid_routes_file_is_refused_with_its_line() {
    let alert = firing("HostDown", "web-1", "2026-11-22T01:00:00Z").to_string();
    let cases = [
        (ROUTES.replace("webhook: disks", "workflow: disks"), "line 9"),
        (ROUTES.replace("webhook: disks", "webhook: disks\n    action: a.b"), "line 8"),
        (ROUTES.replace("remediation.host_down_workflow", "host_down_workflow"), "line 3"),
        (ROUTES.replace("alertname=~\"Disk.*\"", "alertname=~\"(\""), "line 8"),
        (ROUTES.replace("    webhook: disks", "  webhook: disks"), "line"),
    ];
    for (routes, line) in cases {
        let (status, _, error) = routes_test(Some(&routes), &alert).await;
        assert_eq!(status.code(), Some(1), "{routes}: {error}");
        assert!(error.contains(line), "no {line:?} in {error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_alert_is_refused() {
    for text in ["", "[]", "{", "\"text\""] {
        let (status, output, error) = routes_test(None, text).await;
        assert_eq!(status.code(), Some(1), "{text:?}: {output} {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_routes_of_compose_suit_the_demos_stackstorm() {
    let stand_in = StandIn::start(&Options::for_tests(KEY)).expect("a stand-in");
    let variables = [("ST2_API_URL", stand_in.api_url()), ("ST2_API_KEY", KEY.to_owned())];
    let routes = repository("compose/routes.yml");
    for key in ["cooldown", "max_in_flight", "rate", "per_target", "brake", "approval_timeout"] {
        assert!(routes.contains(&format!("{key}: ")), "every guard is shown: {key}");
    }
    for (alert, team, route) in [
        ("PoundCakeTest", "web", "route test: action:core.echo"),
        ("HostDown", "db", "route databases: action:remediation.host_down_workflow"),
        ("HostDown", "web", "route hosts: action:remediation.host_down_workflow"),
        ("DiskFull", "web", "route disks, not trusted yet: action:remediation.host_down_workflow"),
        ("Other", "web", "route rules: webhook:poundcake_alert"),
    ] {
        let mut alert = firing(alert, "web-1:9100", "2026-11-22T01:00:00Z");
        alert["labels"]["team"] = team.into();
        let (status, output, error) = routes_test_with(Some(&routes), &alert.to_string(), &variables).await;
        assert!(status.success() && output.contains(route), "{output}{error}");
    }
}
