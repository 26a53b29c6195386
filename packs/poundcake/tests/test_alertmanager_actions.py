"""Silences, alerts and queries."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List

import pytest

from conftest import Run, Server

HOSTILE = "a'b\"c\\d $(id) `id`\n-e"
FINGERPRINT = "a040726554fc8521"


def held(state: str, **more: Any) -> List[Dict[str, Any]]:
    other = {"fingerprint": "0" * 16, "status": {"state": "active"}}
    return [other, {"fingerprint": FINGERPRINT, "status": {"state": state, **more}}]


def test_a_silence_matches_the_labels_as_they_are(server: Server, run: Run) -> None:
    server.on("POST /api/v2/silences", (200, {"silenceID": "s-1"}))
    labels = {"alertname": "HostDown", "instance": HOSTILE, "job": "node"}
    ok, result = run("alertmanager_silence_create", labels=labels, only=["instance", "alertname"], duration="1h30m")
    assert ok and result["silence_id"] == "s-1"
    sent = server.calls[0].json
    assert sent["matchers"] == [
        {"name": "alertname", "value": "HostDown", "isRegex": False, "isEqual": True},
        {"name": "instance", "value": HOSTILE, "isRegex": False, "isEqual": True},
    ]
    lasts = datetime.fromisoformat(sent["endsAt"]) - datetime.fromisoformat(sent["startsAt"])
    assert lasts.total_seconds() == 5400
    assert sent["comment"] == "Remediation is running (StackStorm execution task)"


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ({"labels": {}}, "labels is empty"),
        ({"labels": {"a": "b"}, "only": ["a", "c"]}, "the alert has no label c"),
        ({"labels": {"a": "x { { y"}}, "the label a contains template marks"),
        ({"labels": {"a": "b"}, "duration": "10"}, "'10' is not a duration"),
    ],
)
def test_a_silence_that_would_match_something_else_is_refused(
    server: Server, run: Run, what: Dict[str, Any], error: str
) -> None:
    ok, result = run("alertmanager_silence_create", **what)
    assert not ok and result["error"].startswith(error) and server.calls == []


def test_a_silence_is_ended(server: Server, run: Run) -> None:
    server.on("DELETE /api/v2/silence/s-1", (200, None))
    assert run("alertmanager_silence_expire", silence_id="s-1") == (True, {"silence_id": "s-1"})
    server.on("DELETE /api/v2/silence/s-2", (404, "silence not found"))
    assert run("alertmanager_silence_expire", silence_id="s-2")[1]["error"].endswith("404: silence not found")


def test_alerts_are_listed_with_matchers(server: Server, run: Run) -> None:
    server.on("GET /api/v2/alerts", (200, held("active")))
    ok, result = run("alertmanager_alerts", matchers=['alertname="A"', 'job="b"'], silenced=False, receiver="r")
    assert ok and result["count"] == 2
    assert server.calls[0].query == [
        ("filter", 'alertname="A"'),
        ("filter", 'job="b"'),
        ("active", "true"),
        ("silenced", "false"),
        ("inhibited", "true"),
        ("receiver", "r"),
    ]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (held("active"), "firing"),
        (held("unprocessed"), "firing"),
        (held("suppressed", silencedBy=["s"]), "silenced"),
        (held("suppressed", inhibitedBy=["x"]), "inhibited"),
        (held("active")[:1], "cleared"),
    ],
)
def test_the_state_is_that_of_the_fingerprint(server: Server, run: Run, answer: Any, state: str) -> None:
    server.on("GET /api/v2/alerts", (200, answer))
    labels = {"alertname": "HostDown", "instance": HOSTILE, "path": "x { { y", "utf-8.name": "z"}
    ok, result = run("alert_state", fingerprint=FINGERPRINT, labels=labels)
    assert (ok, result["state"]) == (True, state)
    quoted = r'"a' + "'" + r'b\"c\\d $(id) `id`\n-e"'
    assert server.calls[0].query == [("filter", 'alertname="HostDown"'), ("filter", f"instance={quoted}")]


def test_waiting_ends_when_the_alert_clears(server: Server, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    server.on("GET /api/v2/alerts", (200, held("active")), (200, held("active")), (200, []))
    ok, result = run("alert_state", fingerprint=FINGERPRINT, alert_name="HostDown", wait_until_cleared=60)
    assert ok and result["state"] == "cleared" and len(server.calls) == 3


def test_an_alert_that_does_not_clear_fails_the_step(server: Server, run: Run) -> None:
    server.on("GET /api/v2/alerts", (200, held("active")))
    ok, result = run("alert_state", fingerprint=FINGERPRINT, wait_until_cleared=1)
    assert (ok, result["state"]) == (False, "firing") and result["waited"] >= 1
    assert not run("alert_state", fingerprint="")[0]


def test_alert_text_cannot_change_a_query(server: Server, run: Run) -> None:
    sample = {"metric": {}, "value": [1.0, "7.5"]}
    answer = {"status": "success", "data": {"resultType": "vector", "result": [sample]}}
    server.on("POST /api/v1/query", (200, answer))
    labels = {"instance": '"} or vector(1) #', "mountpoint": "/var", "job": "x < % y"}
    ok, result = run("prometheus_query", query="free{$labels}", labels=labels, single=True)
    assert ok and result["value"] == 7.5
    assert server.calls[0].form["query"] == r'free{instance="\"} or vector(1) #",mountpoint="/var"}'
    assert run("prometheus_query", query="up", time="1")[0]
    assert server.calls[1].form == {"query": "up", "time": "1"}


def test_a_query_without_its_one_sample_fails(server: Server, run: Run) -> None:
    answer = {"status": "success", "data": {"resultType": "vector", "result": []}}
    server.on("POST /api/v1/query", (200, answer))
    assert run("prometheus_query", query="up") == (True, {"query": "up", "type": "vector", "result": [], "value": None})
    assert run("prometheus_query", query="up", single=True)[1]["error"] == "the query up has 0 samples, not one"
    server.on("POST /api/v1/query", (400, {"status": "error", "error": "parse error"}))
    assert run("prometheus_query", query="up{")[1]["error"].endswith("answered 400: parse error")
    assert not run("prometheus_query", query="up{$labels}", labels={"a.b": "c"})[0]
