"""Every metric that a document names exists, and every metric that exists is used."""

import json

import pytest
import yaml
from table import ROOT, base, metrics, named, selectors

PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
CONFIGURATION = sorted(
    path
    for folder in ("compose", "deploy")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and path.suffix in {".yml", ".yaml", ".md", ".json", ".tpl"}
)


@pytest.mark.parametrize("path", [*PAGES, *CONFIGURATION], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_names_metrics_that_exist(path):
    known = metrics()
    # A page may speak of a family: poundcake_tracker_….
    unknown = {n for n in named(path.read_text(encoding="utf-8")) if base(n, known) not in known}
    assert {n for n in unknown if not n.endswith("_")} == set()


def test_every_metric_is_on_a_dashboard_or_in_a_rule():
    known = metrics()
    expressions = [
        target["expr"]
        for path in (ROOT / "compose/grafana/dashboards").glob("*.json")
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for target in panel.get("targets", [])
    ]
    groups = yaml.safe_load((ROOT / "compose/rules.yml").read_text(encoding="utf-8"))["groups"]
    expressions += [rule["expr"] for group in groups for rule in group["rules"]]
    used = {base(name, known) for expression in expressions for name, _ in selectors(expression)}
    assert known.keys() - used == set(), "show it on a dashboard in compose/grafana, or use it in compose/rules.yml"
