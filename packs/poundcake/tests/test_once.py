"""Which of several executions for one firing goes on."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from conftest import Run, Server

TAG = "poundcake:01890a5d:7:0"


def execution(id: str, started: Optional[str], **context: Any) -> Dict[str, Any]:
    log = [{"status": "requested", "timestamp": "2026-01-01T00:00:00.000Z"}]
    if started:
        log.append({"status": "running", "timestamp": started})
    return {"id": id, "status": "running", "log": log, "context": {"trace_context": {"trace_tag": TAG}, **context}}


def rule(id: str) -> Dict[str, Any]:
    return {"rule": {"id": id, "name": "r"}}


class World:
    """Traces and roots; `own` is the root of the task that runs `once`."""

    def __init__(self, server: Server) -> None:
        self.server, self.entries = server, []  # type: ignore[var-annotated]
        server.on("GET /v1/executions/task", (200, {"id": "task", "parent": "own"}))
        server.on("DELETE /v1/executions/own", (200, {"id": "own", "status": "canceling"}))

    def add(self, found: Dict[str, Any], cause: Optional[Dict[str, Any]] = None) -> World:
        self.server.on(f"GET /v1/executions/{found['id']}", (200, found))
        self.entries.append({"object_id": found["id"], "caused_by": cause or {}})
        # A trace of its own for each: as two POSTs with one tag leave them.
        self.server.on("GET /v1/traces", (200, [{"action_executions": [entry]} for entry in self.entries]))
        return self

    def cancels(self) -> List[str]:
        return [call.path for call in self.server.calls if call.method == "DELETE"]


@pytest.fixture
def world(server: Server) -> World:
    return World(server)


EARLY, LATE = "2026-01-01T00:00:01.000Z", "2026-01-01T00:00:02.000Z"


def test_the_only_one_goes_on(world: World, run: Run) -> None:
    world.add(execution("own", EARLY))
    ok, result = run("once")
    assert ok and result == {"first": True, "root": "own", "trace_tag": TAG, "because": None}
    traces = [call for call in world.server.calls if call.path == "/v1/traces"]
    assert traces[0].query == [("trace_tag", TAG)] and world.cancels() == []


def test_the_second_is_canceled(world: World, run: Run) -> None:
    world.add(execution("own", LATE)).add(execution("other", EARLY))
    ok, result = run("once")
    assert not ok and result["other"] == "other" and world.cancels() == ["/v1/executions/own"]
    assert result["because"].startswith("execution other ran before for the same firing")


def test_the_second_fails_where_that_is_wanted(world: World, run: Run) -> None:
    world.add(execution("own", LATE)).add(execution("other", EARLY))
    assert run("once", when_second="fail")[0] is False and world.cancels() == []


def test_of_two_the_first_goes_on_and_both_agree(world: World, run: Run) -> None:
    world.add(execution("own", EARLY)).add(execution("other", LATE))
    assert run("once")[0]
    world.add(execution("own", EARLY)).add(execution("z", EARLY))
    assert run("once")[0], "at the same instant the smaller id goes on"
    world.add(execution("a", EARLY))
    assert not run("once")[0]


def test_one_that_never_ran_does_not_count(world: World, run: Run) -> None:
    orphan = {**execution("other", None), "status": "canceled"}
    world.add(execution("own", LATE)).add(orphan)
    assert run("once")[0]


@pytest.mark.parametrize("context", [{"policies": {"retry": {"retry_count": 1}}}, {"re-run": {"ref": "own"}}])
def test_retries_and_re_runs_are_left_aside(world: World, run: Run, context: Dict[str, Any]) -> None:
    world.add(execution("own", LATE)).add(execution("other", EARLY, **context))
    assert run("once")[0], "another's repetition does not stop this one"
    world.add(execution("own", LATE, **context)).add(execution("other", EARLY))
    ok, result = run("once")
    assert ok and "wanted repetition" in result["because"], "a repetition is wanted"


def test_only_the_same_rule_counts(world: World, run: Run) -> None:
    world.add(execution("own", LATE, **rule("r1")), {"type": "rule", "id": "r1:i2"})
    world.add(execution("other", EARLY, **rule("r2")), {"type": "rule", "id": "r2:i1"})
    world.add(execution("chained", EARLY), {"type": "action_execution", "id": "x"})
    assert run("once")[0], "two rules for one webhook are two workflows"
    world.add(execution("same", EARLY, **rule("r1")), {"type": "rule", "id": "r1:i1"})
    ok, result = run("once")
    assert not ok and result["other"] == "same"


def test_a_direct_one_is_not_stopped_by_a_rule(world: World, run: Run) -> None:
    world.add(execution("own", LATE)).add(execution("other", EARLY), {"type": "rule", "id": "r1:i1"})
    assert run("once")[0]


def test_a_trace_known_by_its_id_alone_is_looked_up(world: World, run: Run) -> None:
    own = execution("own", LATE)
    own["context"]["trace_context"] = {"id_": "t1"}
    world.add(own).add(execution("other", EARLY))
    world.server.on("GET /v1/traces/t1", (200, {"id": "t1", "trace_tag": TAG}))
    assert not run("once")[0]


def test_a_person_may_run_a_workflow_as_often_as_wanted(world: World, run: Run) -> None:
    own = execution("own", LATE)
    del own["context"]["trace_context"]
    world.add(own).add(execution("other", EARLY))
    ok, result = run("once")
    assert ok and result["because"].startswith("this execution was started by a person")


def test_what_is_gone_was_not_started_a_moment_ago(world: World, run: Run) -> None:
    world.add(execution("own", LATE)).add(execution("other", EARLY))
    world.server.on("GET /v1/executions/other", (404, {"faultstring": "Unable to identify resource"}))
    assert run("once")[0]


def test_a_lookup_that_fails_runs_nothing(world: World, run: Run) -> None:
    world.add(execution("own", LATE)).add(execution("other", EARLY))
    world.server.on("GET /v1/executions/other", (500, {"faultstring": "Internal Server Error"}))
    ok, result = run("once")
    assert not ok and "answered 500: Internal Server Error" in result["error"]
    world.add(execution("own", None))
    assert "does not say when it started" in run("once")[1]["error"]


def test_outside_of_stackstorm_it_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ST2_ACTION_AUTH_TOKEN")
    assert run("once")[1]["error"].startswith("StackStorm gave the action no API URL and token")
