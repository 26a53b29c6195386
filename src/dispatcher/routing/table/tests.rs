//! Routes files as operators write them.

use super::*;
use proptest::prelude::*;

const GOOD: &str = r#"
routes:
  - name: hosts
    match: alertname="HostDown", severity=~"critical|page"
    action: remediation.host_down
    parameters: {host: "${labels.instance}", retries: 3}
  - match: [alertname="DiskFull", 'team!="db"']
    webhook: disk/full
  - action: core.noop
"#;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn problem(yaml: &str) -> String {
    RouteTable::parse(yaml).unwrap_err().to_string()
}

#[test]
fn the_first_route_that_matches_wins() {
    let table = RouteTable::parse(GOOD).unwrap();
    let target = |pairs: &[(&str, &str)]| table.route(&labels(pairs)).unwrap().target.to_string();
    assert_eq!(target(&[("alertname", "HostDown"), ("severity", "page")]), "action:remediation.host_down");
    assert_eq!(target(&[("alertname", "DiskFull")]), "webhook:disk/full");
    assert_eq!(target(&[("alertname", "DiskFull"), ("team", "db")]), "action:core.noop");
    assert_eq!(target(&[]), "action:core.noop");
    let names: Vec<_> = table.routes().iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names, ["hosts", "route 2", "route 3"]);
}

#[test]
fn an_alert_may_have_no_route() {
    assert_eq!(RouteTable::parse("routes: []").unwrap().route(&labels(&[])), None);
}

#[test]
fn without_a_file_everything_goes_to_stackstorms_rules() {
    let table = RouteTable::without_file().unwrap();
    let route = table.route(&labels(&[("alertname", "X")])).unwrap();
    assert_eq!(route.target.to_string(), "webhook:poundcake_alert");
}

#[test]
fn a_route_leads_to_exactly_one_place() {
    let nowhere = "routes:\n  - action: core.noop\n  - match: a=b\n";
    assert_eq!(problem(nowhere), "routes file, line 3, route 2: give it an action: pack.name or a webhook: name");
    let both = "routes:\n  - name: x\n    action: core.noop\n    webhook: w\n";
    assert_eq!(problem(both), "routes file, line 2, x: give it an action or a webhook, not both");
    let no_ref = "routes:\n  - action: noop\n";
    assert!(problem(no_ref).contains("\"noop\" is not an action ref; write pack.name"));
}

#[test]
fn only_a_webhook_route_may_post_again() {
    let again = "routes:\n  - webhook: w\n    on_uncertain: post_again\n  - webhook: v\n    on_uncertain: fail\n  - webhook: u\n";
    let table = RouteTable::parse(again).unwrap();
    let choices: Vec<OnUncertain> = table.routes().iter().map(|route| route.on_uncertain).collect();
    assert_eq!(choices, [OnUncertain::PostAgain, OnUncertain::Fail, OnUncertain::Fail]);
    for choice in ["post_again", "fail"] {
        let action = format!("routes:\n  - name: x\n    action: core.noop\n    on_uncertain: {choice}\n");
        assert!(problem(&action).starts_with("routes file, line 2, x: on_uncertain is for webhook routes"));
    }
    let unknown = problem("routes:\n  - webhook: w\n    on_uncertain: retry\n");
    assert!(unknown.contains("line 3") && unknown.contains("retry") && unknown.contains("post_again"), "{unknown}");
}

#[test]
fn an_unreadable_file_is_reported_with_its_line() {
    for (yaml, line, words) in [
        ("routes:\n  - action: core.noop\n    paramters: {}\n", "line 3", "paramters"),
        ("routes:\n  - action: core.noop\n    match: alertname\n", "line 3", "write name="),
        ("routes:\n  - action: core.noop\n    action: core.local\n", "line 3", "action"),
        ("routez: []\n", "line 1", "routez"),
        ("routes: [\n", "line", ""),
        ("{}", "line 1", "routes"),
    ] {
        let problem = problem(yaml);
        assert!(problem.contains(line) && problem.contains(words), "{problem}");
    }
    RouteTable::parse("").unwrap_err();
}

#[test]
fn a_parameter_that_cannot_be_read_is_named() {
    let yaml = "routes:\n  - name: x\n    action: core.noop\n    parameters: {host: '${host}'}\n";
    assert!(problem(yaml).starts_with("routes file, line 2, x: parameter host: ${host} is unknown"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"(routes:\n)?[-a-z:\[\]{}"' \n${}&*!|>#]{0,40}"#) {
        let _ = RouteTable::parse(&text);
    }
}
