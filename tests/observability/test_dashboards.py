"""Dashboards ask for metrics that exist, and can be read: units, descriptions, a grid without gaps."""

import json
import re
import subprocess

import pytest
import yaml
from table import ROOT, problems

GRAFANA = ROOT / "compose/grafana"
PATHS = sorted((GRAFANA / "dashboards").glob("*.json"))
BOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in PATHS}
PANELS = [(f"{uid}: {panel['title']}", panel) for uid, board in BOARDS.items() for panel in board["panels"]]
GRAPHS = [(title, panel) for title, panel in PANELS if panel["type"] != "row"]
each_board = pytest.mark.parametrize("uid", BOARDS)
each_graph = pytest.mark.parametrize("panel", [panel for _, panel in GRAPHS], ids=[title for title, _ in GRAPHS])
COLUMNS = 24
# Grafana's names of units that are used here.
UNITS = {"short", "s", "reqps", "cps", "percentunit"}


def expressions(panel):
    """With Grafana's variables replaced, as Prometheus gets them."""
    for target in panel["targets"]:
        text = target["expr"].replace("$__rate_interval", "1m").replace("$__range", "6h")
        yield text.replace("$route", ".*")


@each_graph
def test_a_panel_names_metrics_and_labels_that_exist(panel):
    for expression in expressions(panel):
        assert list(problems(expression)) == [], expression


def test_prometheus_parses_every_expression(tmp_path):
    found = [e for _, panel in GRAPHS for e in expressions(panel)]
    rules = [{"record": f"e{number}", "expr": e} for number, e in enumerate(found)]
    path = tmp_path / "expressions.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@each_graph
def test_a_panel_has_a_unit_a_description_and_the_chosen_data_source(panel):
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["description"].endswith(".")
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [source] * (
        1 + len(panel["targets"])
    )


@each_graph
def test_a_legend_uses_labels_that_the_result_has(panel):
    for target in panel["targets"]:
        used = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        clauses = re.findall(r"\bby\s*\(([^)]*)\)", target["expr"])
        assert used <= {label.strip() for clause in clauses for label in clause.split(",")}, target["expr"]


@each_board
def test_panels_do_not_overlap_and_ids_are_unique(uid):
    panels = BOARDS[uid]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= COLUMNS, panel["title"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


@each_board
def test_a_dashboard_has_its_files_name_as_uid_and_links_that_lead_somewhere(uid):
    board = BOARDS[uid]
    assert board["uid"] == uid
    assert {link["url"] for link in board["links"]} <= {f"/d/{other}" for other in BOARDS}


def test_grafana_finds_its_data_source_and_the_dashboards():
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text(encoding="utf-8"))
    assert [(s["type"], s["isDefault"]) for s in source["datasources"]] == [("prometheus", True)]
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/poundcake.yml").read_text(encoding="utf-8"))
    assert [p["type"] for p in provider["providers"]] == ["file"]
