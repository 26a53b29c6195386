//! Every case of the decision: what was read on the left, the verdict on the right.

use super::*;
use serde_json::json;

const RULE: &str = "pack.rule";
const ACTION: &str = "pack.action";

fn id(text: &str) -> ExecutionId {
    ExecutionId::parse(text).unwrap()
}

/// Arrivals with these statuses; `-` is one that cannot be found.
fn arrived(statuses: &[&str]) -> Evidence {
    let arrival = |(index, status): (usize, &&str)| Arrival {
        id: id(&format!("arrival{index}")),
        trigger: "core.hook".to_owned(),
        status: status.parse().ok(),
    };
    Evidence { arrivals: statuses.iter().enumerate().map(arrival).collect(), ..Evidence::default() }
}

fn execution(name: &str, status: &str, log: &[&str]) -> Execution {
    let log: Vec<_> = log.iter().map(|status| json!({ "status": status })).collect();
    serde_json::from_value(json!({ "id": name, "status": status, "log": log })).unwrap()
}

impl Evidence {
    fn enforced(mut self, status: EnforcementStatus, names: Option<&str>) -> Self {
        self.enforcements.push(RuleEnforcement {
            execution_id: names.map(id),
            status,
            failure_reason: (status == EnforcementStatus::Failed).then(|| "broken".to_owned()),
            rule_ref: RULE.to_owned(),
        });
        self
    }

    fn started(mut self, name: &str, named: bool, seen: Seen) -> Self {
        let (rule_ref, action_ref) = (Some(RULE.to_owned()), Some(ACTION.to_owned()));
        self.executions.push(Started { id: id(name), rule_ref, action_ref, named, seen });
        self
    }

    /// Started by a rule whose enforcement failed, with this status and log.
    fn unnamed(self, status: &str, log: &[&str]) -> Self {
        let seen = Seen::Is(Box::new(execution("run", status, log)));
        self.enforced(EnforcementStatus::Failed, None).started("run", false, seen)
    }

    fn matched(mut self, rule: &str) -> Self {
        self.rules.insert(rule.to_owned());
        self
    }

    fn unread(mut self, what: &str) -> Self {
        self.unread.push(what.to_owned());
        self
    }

    /// `ran 2`, `rule_failed 1`, `none`, `unknown`: the verdict and how many executions it links.
    fn verdict(&self, look: Look) -> String {
        match self.judge(&["cancelled".to_owned()], look) {
            Verdict::Ran(links) => format!("ran {}", links.len()),
            Verdict::Failed(failure) => format!("rule_failed {}", failure.links.len()),
            Verdict::NoneMatched => "none".to_owned(),
            Verdict::Unknown(_) => "unknown".to_owned(),
        }
    }
}

fn processed() -> Evidence {
    arrived(&["processed"])
}

fn named(evidence: Evidence, name: &str, seen: Seen) -> Evidence {
    evidence.enforced(EnforcementStatus::Succeeded, Some(name)).started(name, true, seen)
}

fn is(name: &str, status: &str, log: &[&str]) -> Seen {
    Seen::Is(Box::new(execution(name, status, log)))
}

/// What was read; the verdict while there is time; the verdict at the deadline.
type Case = (&'static str, Evidence, &'static str, &'static str);

fn check(table: Vec<Case>) {
    for (what, evidence, interim, last) in table {
        assert_eq!(evidence.verdict(Look::Interim), interim, "{what}");
        assert_eq!(evidence.verdict(Look::Last), last, "{what}, at the deadline");
    }
}

#[test]
fn nothing_that_ran() {
    let failed = processed().enforced(EnforcementStatus::Failed, None);
    let unnamed = processed().enforced(EnforcementStatus::Succeeded, None);
    check(vec![
        ("no trace", arrived(&[]), "unknown", "unknown"),
        ("no trace, and it cannot be read", arrived(&[]).unread("traces"), "unknown", "unknown"),
        ("not worked off", arrived(&["processing"]), "unknown", "unknown"),
        ("waits", arrived(&["pending"]), "unknown", "unknown"),
        ("the instance is gone", arrived(&["-"]), "unknown", "unknown"),
        ("one of two is not worked off", arrived(&["processed", "processing"]), "unknown", "unknown"),
        ("no rule matched", processed(), "none", "none"),
        ("the engine failed", arrived(&["processing_failed"]), "rule_failed 0", "rule_failed 0"),
        ("a rule matched, and nothing tells of it", processed().matched(RULE), "unknown", "unknown"),
        ("the enforcement failed, nothing else", failed, "rule_failed 0", "rule_failed 0"),
        ("it names nothing", unnamed, "rule_failed 0", "rule_failed 0"),
    ]);
}

#[test]
fn executions_of_a_succeeded_enforcement_ran() {
    let by_itself = || named(processed(), "run", Seen::NotAsked);
    let open = named(arrived(&["processed", "processing"]), "run", Seen::NotAsked);
    let beside = |status| named(processed().unnamed(status, &[]), "other", Seen::NotAsked);
    check(vec![
        ("named", by_itself(), "ran 1", "ran 1"),
        ("it failed without a runner", named(processed(), "run", is("run", "failed", &[])), "ran 1", "ran 1"),
        ("it is still requested", named(processed(), "run", is("run", "requested", &[])), "ran 1", "ran 1"),
        ("not worked off", named(arrived(&["processing"]), "run", Seen::NotAsked), "unknown", "ran 1"),
        ("another arrival is open", open, "unknown", "ran 1"),
        ("the traces cannot be read again", by_itself().unread("traces"), "unknown", "ran 1"),
        ("another one is open", beside("requested"), "ran 2", "ran 2"),
        ("another one could not be rendered", beside("failed"), "ran 2", "ran 2"),
    ]);
}

#[test]
fn executions_without_a_succeeded_enforcement_count_by_their_status() {
    let run = |status, log: &[&str]| processed().unnamed(status, log);
    let without = |seen| processed().matched(RULE).started("run", false, seen);
    check(vec![
        ("parameters that cannot be rendered", run("failed", &["failed"]), "rule_failed 1", "rule_failed 1"),
        ("it runs", run("running", &[]), "ran 1", "ran 1"),
        ("it ran and failed", run("failed", &["running", "failed"]), "ran 1", "ran 1"),
        ("it was cancelled while it ran", run("canceled", &["running"]), "ran 1", "ran 1"),
        ("it was cancelled before", run("canceled", &["requested"]), "rule_failed 1", "rule_failed 1"),
        ("it ended without a log", run("succeeded", &[]), "ran 1", "ran 1"),
        ("it was abandoned", run("abandoned", &[]), "ran 1", "ran 1"),
        ("it is requested", run("requested", &[]), "unknown", "ran 1"),
        ("it is delayed", run("delayed", &[]), "unknown", "ran 1"),
        ("it is in a status of tomorrow", run("dreaming", &[]), "unknown", "ran 1"),
        ("no enforcement, and it ran", without(is("run", "succeeded", &["running"])), "ran 1", "ran 1"),
        ("no enforcement, not started", without(is("run", "scheduled", &[])), "unknown", "ran 1"),
        ("no enforcement, deleted since", without(Seen::Gone), "ran 1", "ran 1"),
        ("no enforcement, not readable", without(Seen::Unread), "unknown", "ran 1"),
    ]);
}

#[test]
fn an_orphan_that_we_cancelled_did_not_run_unless_its_log_says_so() {
    let orphan = |status, log: &[&str]| processed().started("cancelled", false, is("cancelled", status, log));
    let late = |log: &[&str]| named(processed(), "cancelled", is("cancelled", "canceled", log));
    let unread = named(processed(), "cancelled", Seen::Unread);
    check(vec![
        ("cancelled", orphan("canceled", &[]), "rule_failed 1", "rule_failed 1"),
        ("named late", late(&["requested"]), "rule_failed 1", "rule_failed 1"),
        ("it ran all the same", late(&["running"]), "ran 1", "ran 1"),
        ("not cancelled yet", orphan("canceling", &[]), "unknown", "ran 1"),
        ("named and not readable", unread, "unknown", "ran 1"),
    ]);
}

#[test]
fn a_failure_says_which_rules_matched_and_why_nothing_ran() {
    let Verdict::Failed(failure) = processed().unnamed("failed", &[]).judge(&[], Look::Interim) else { panic!() };
    assert_eq!(failure.error, "pack.rule: broken");
    assert_eq!(failure.rules, BTreeSet::from([RULE.to_owned()]));
    let (rule_ref, action_ref) = (Some(RULE.to_owned()), Some(ACTION.to_owned()));
    assert_eq!(failure.links, [Link { execution_id: "run".to_owned(), rule_ref, action_ref }]);
    let bare = processed().started("run", false, is("run", "canceled", &[])).judge(&[], Look::Interim);
    let Verdict::Failed(failure) = bare else { panic!() };
    assert_eq!(failure.error, "execution run is canceled");
}

#[test]
fn more_than_one_arrival_of_one_trigger_is_a_duplicate() {
    assert_eq!(arrived(&[]).duplicates(), 0);
    assert_eq!(processed().duplicates(), 0);
    assert_eq!(arrived(&["processed", "processing", "-"]).duplicates(), 2);
    let mut two_triggers = arrived(&["processed", "processed"]);
    two_triggers.arrivals[1].trigger = "core.other".to_owned();
    assert_eq!(two_triggers.duplicates(), 0, "one URL with two triggers makes two arrivals of one POST");
}

#[test]
fn only_what_is_requested_and_has_not_run_can_be_forgotten() {
    let evidence = processed()
        .started("waits", false, is("waits", "requested", &["requested"]))
        .started("again", false, is("again", "requested", &["running"]))
        .started("runs", false, is("runs", "running", &[]))
        .started("named", true, Seen::NotAsked);
    let found: Vec<&str> = evidence.requested().map(|execution| execution.id.as_str()).collect();
    assert_eq!(found, ["waits"]);
}
