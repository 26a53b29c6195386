"""The Orquesta workflows in StackStorm's own engine, task by task, with results that the test makes up.

The same workflows with real actions are run by PoundCake's own tests. These here show that the engine itself takes the
ways that are meant, and what it does to hostile text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
import yaml
from orquesta import conducting, events, statuses
from orquesta.specs.native.v1 import models

WORKFLOWS = Path(__file__).resolve().parent.parent / "actions" / "workflows"
# As PoundCake passes it on: the opening marks of templates are broken apart.
HOSTILE = "a'b\"c\\d $(id) `id` { { 6*7 }} { % x %} < % 6*7 %>\n-e"
INPUTS: Dict[str, Any] = {
    "alert_name": HOSTILE,
    "instance": HOSTILE,
    "severity": HOSTILE,
    "fingerprint": "f",
    "labels": {"instance": HOSTILE, "mountpoint": HOSTILE},
    "annotations": {"summary": HOSTILE, HOSTILE: "x"},
    "command": "true",
    "control_host": "bastion",
    "enough": 10,
    "free_query": "free{$labels}",
    "silence_labels": ["instance"],
    "silence_for": "15m",
    "wait": 60,
}

Step = Tuple[str, bool, Dict[str, Any]]
ONCE: Step = ("once", True, {})
NAMES: Step = ("names", True, {"host": "web-1"})
FIRING: Step = ("look", True, {"state": "firing"})
ACT: Step = ("act", True, {})
VERIFY: Step = ("verify", True, {"state": "cleared"})
SILENCE: Step = ("silence", True, {"silence_id": "s"})
UNSILENCE: Step = ("unsilence", True, {})
LITTLE: Step = ("measure", True, {"value": 3.0})


def failed(step: Step) -> Step:
    return step[0], False, step[2]


def report(ok: bool) -> Step:
    return "report", ok, {"text": "said"}


def conduct(workflow: str, steps: List[Step]) -> Tuple[str, Any, Dict[str, Any]]:
    """Plays the steps; the workflow's status and output, and what each task was given."""
    spec = models.WorkflowSpec(yaml.safe_load((WORKFLOWS / f"{workflow}.yaml").read_text()))
    names = [next(iter(one)) if isinstance(one, dict) else one for one in spec.input]
    conductor = conducting.WorkflowConductor(spec, inputs={name: INPUTS.get(name) for name in names})
    conductor.request_workflow_status(statuses.RUNNING)
    given: Dict[str, Any] = {}
    for name, ok, result in steps:
        (task,) = conductor.get_next_tasks()
        assert task["id"] == name, f"{task['id']} comes, not {name}"
        given[name] = task["actions"][0]["input"]
        status = statuses.SUCCEEDED if ok else statuses.FAILED
        for event in (
            events.ActionExecutionEvent(statuses.RUNNING),
            events.ActionExecutionEvent(status, result={"result": result}),
        ):
            conductor.update_task_state(name, task["route"], event)
    assert conductor.get_next_tasks() == []
    conductor.render_workflow_output()
    return conductor.get_workflow_status(), conductor.get_workflow_output(), given


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_engine_finds_no_fault(path: Path) -> None:
    assert models.WorkflowSpec(yaml.safe_load(path.read_text())).inspect() == {}


HOST_DOWN = [ONCE, NAMES, FIRING]
SILENCED = [ONCE, NAMES, SILENCE]
DISK = [ONCE, NAMES, LITTLE]


@pytest.mark.parametrize(
    ("workflow", "steps", "status", "outcome"),
    [
        ("host_down", [*HOST_DOWN, ACT, VERIFY, report(True)], "succeeded", "fixed"),
        ("host_down", [*HOST_DOWN, ACT, failed(VERIFY), report(False)], "failed", "not_fixed"),
        ("host_down", [*HOST_DOWN, failed(ACT), report(False)], "failed", "not_fixed"),
        ("host_down", [ONCE, NAMES, ("look", True, {"state": "silenced"}), report(True)], "succeeded", "nothing_to_do"),
        ("host_down", [ONCE, NAMES, failed(FIRING)], "failed", "not_fixed"),
        ("host_down", [ONCE, failed(NAMES)], "failed", "not_fixed"),
        ("host_down", [failed(ONCE)], "failed", "not_fixed"),
        ("remediate_with_silence", [*SILENCED, ACT, VERIFY, UNSILENCE, report(True)], "succeeded", "fixed"),
        (
            "remediate_with_silence",
            [*SILENCED, ACT, failed(VERIFY), UNSILENCE, report(False)],
            "failed",
            "not_fixed",
        ),
        ("remediate_with_silence", [*SILENCED, failed(ACT), UNSILENCE, report(False)], "failed", "not_fixed"),
        ("remediate_with_silence", [*SILENCED, ACT, VERIFY, failed(UNSILENCE), report(True)], "succeeded", "fixed"),
        ("remediate_with_silence", [ONCE, NAMES, failed(SILENCE), report(False)], "failed", "not_fixed"),
        ("disk_full", [*DISK, ACT, VERIFY, report(True)], "succeeded", "fixed"),
        ("disk_full", [*DISK, ACT, failed(VERIFY), report(False)], "failed", "not_fixed"),
        ("disk_full", [ONCE, NAMES, ("measure", True, {"value": 10}), report(True)], "succeeded", "nothing_to_do"),
        ("disk_full", [ONCE, NAMES, failed(LITTLE)], "failed", "not_fixed"),
    ],
)
def test_every_way_through(workflow: str, steps: List[Step], status: str, outcome: str) -> None:
    ended, output, given = conduct(workflow, steps)
    reported = {"text": "said"} if steps[-1][0] == "report" else None
    assert (ended, output) == (status, {"outcome": outcome, "report": reported})
    if reported:
        assert given["report"]["outcome"] == outcome


@pytest.mark.parametrize(
    ("workflow", "steps"),
    [
        ("host_down", [*HOST_DOWN, ACT, VERIFY, report(True)]),
        ("remediate_with_silence", [*SILENCED, ACT, VERIFY, UNSILENCE, report(True)]),
        ("disk_full", [*DISK, ACT, VERIFY, report(True)]),
    ],
)
def test_hostile_text_stays_what_it_is_and_out_of_commands(workflow: str, steps: List[Step]) -> None:
    given = conduct(workflow, steps)[2]
    assert given["names"]["instance"] == HOSTILE
    for name in ("alert_name", "instance", "severity", "annotations"):
        assert given["report"][name] == INPUTS[name], name
    assert given["verify"]["labels"] == INPUTS["labels"]
    assert given["act"]["cmd"] == "true"
    assert given["act"]["hosts"] in ("web-1", "bastion")
