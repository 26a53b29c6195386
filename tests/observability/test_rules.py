"""Alert rules, their unit tests and their runbooks belong together."""

import re
import subprocess

import pytest
import yaml
from table import ROOT, problems

RULES = ROOT / "compose/rules.yml"
RUNBOOKS = ROOT / "docs/runbooks"
TESTS = sorted((ROOT / "tests/prometheus").glob("*.yml"))
HEADINGS = ["What it means", "What to look at", "What to do", "When it is over"]
# The label that a rule's result has, besides those of its `by` clause.
TEMPLATE = re.compile(r"\{\{(.*?)\}\}")


def alerts():
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = alerts()
NAMES = [rule["alert"] for rule in ALERTS]
each_alert = pytest.mark.parametrize("rule", ALERTS, ids=NAMES)


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_rules_and_configuration():
    promtool("check", "rules", str(RULES))
    promtool("check", "config", str(ROOT / "compose/prometheus.yml"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_rules_fire_when_they_should_and_not_before(path):
    promtool("test", "rules", str(path))


def test_alert_names_are_unique():
    assert len(set(NAMES)) == len(NAMES)


@each_alert
def test_an_alert_has_a_severity_a_text_and_a_runbook(rule):
    labels, annotations = rule["labels"], rule["annotations"]
    assert labels["severity"] in {"critical", "warning", "none"}
    assert labels.get("about") == "poundcake" or rule["alert"] == "Watchdog"
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert annotations["runbook_url"] == f"{{{{ $externalURL }}}}/user/runbooks/{rule['alert']}.md"
    assert not annotations["summary"].endswith("."), "a summary is a line, not a sentence with a full stop"
    assert annotations["description"].endswith(".")


@each_alert
def test_an_expression_names_metrics_and_labels_that_exist(rule):
    assert list(problems(rule["expr"])) == []


@each_alert
def test_a_text_uses_labels_that_the_result_has(rule):
    texts = TEMPLATE.findall(" ".join(rule["annotations"].values()))
    used = set(re.findall(r"\$labels\.(\w+)", " ".join(texts)))
    clauses = re.findall(r"\bby\s*\(([^)]*)\)", rule["expr"])
    kept = {label.strip() for clause in clauses for label in clause.split(",")}
    if not clauses:
        kept |= {"job", "instance"}
    assert used <= kept, "the expression drops this label"


@each_alert
def test_an_alert_is_seen_to_fire_in_a_unit_test(rule):
    name = rule["alert"]
    texts = [path.read_text(encoding="utf-8") for path in TESTS]
    wanted = re.compile(rf"exp_samples:[^\n]*\"{name}\"|labels: '\{{alertname=\"{name}\"|alertname: {name}$", re.M)
    assert any(wanted.search(text) for text in texts), "no test in tests/prometheus expects it"


@each_alert
def test_an_alert_has_a_runbook_with_all_parts(rule):
    text = (RUNBOOKS / f"{rule['alert']}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {rule['alert']}\n")
    assert re.findall(r"^## (.*)$", text, re.M) == HEADINGS


@each_alert
def test_a_runbook_searches_for_log_events_that_exist(rule):
    known = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/log-events.md").read_text(encoding="utf-8"), re.M)
    text = (RUNBOOKS / f"{rule['alert']}.md").read_text(encoding="utf-8")
    assert set(re.findall(r"event=(\w+)", text)) <= set(known)


def test_each_runbook_has_an_alert_and_a_place_in_the_lists():
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == set(NAMES)
    summary = (ROOT / "docs/SUMMARY.md").read_text(encoding="utf-8")
    assert re.findall(r"\(runbooks/(\w+)\.md\)", summary) == ["README", *NAMES]
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \| (.+) \|$", index, re.M)
    expected = [(n, n, rule["labels"]["severity"]) for n, rule in zip(NAMES, ALERTS, strict=True)]
    assert [row[:3] for row in rows] == expected
