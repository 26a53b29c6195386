"""Actions that ask PoundCake or give it orders."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from conftest import Run, Server

ALERT: Dict[str, Any] = {
    "id": 7,
    "alert_name": "HostDown",
    "instance": "web-1",
    "status": "firing",
    "dispatch_status": "failed",
    "dispatch_reason": "rejected",
    "dispatch_target": "action:poundcake.host_down",
    "dispatch_attempts": 1,
    "dispatch_error": "no such action",
    "links": [],
}
LINK = {
    "st2_execution_id": "a" * 24,
    "st2_action_ref": "poundcake.host_down",
    "execution": {"status": "succeeded"},
}
REQUEST_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.mark.parametrize(
    ("wanted", "path", "kind"),
    [
        (REQUEST_ID, f"/api/v1/requests/{REQUEST_ID}", "request"),
        ("A" * 24, "/api/v1/executions/" + "a" * 24, "execution"),
        ("7", "/api/v1/alerts/7", "alert"),
    ],
)
def test_history_tells_an_id_by_its_form(server: Server, run: Run, wanted: str, path: str, kind: str) -> None:
    found = {**ALERT, "links": [LINK]} if kind == "alert" else {"alerts": [{**ALERT, "links": [LINK]}]}
    server.on(f"GET {path}", (200, found))
    ok, result = run("history", id=wanted)
    assert (ok, result["kind"], result["found"]) == (True, kind, found)
    assert result["text"].splitlines() == [
        f"7: HostDown on web-1 firing, failed/rejected -> {'a' * 24}",
        "  target action:poundcake.host_down, attempts 1",
        "  error: no such action",
        f"  ran poundcake.host_down {'a' * 24}: succeeded",
    ]
    assert server.calls[0].headers["Authorization"] == "Bearer operator"


def test_history_of_a_fingerprint_is_a_list(server: Server, run: Run) -> None:
    server.on("GET /api/v1/alerts", (200, {"alerts": [ALERT]}))
    ok, _ = run("history", id="a040726554fc8521", limit=3)
    assert ok and server.calls[0].query == [("fingerprint", "a040726554fc8521"), ("limit", "3")]


def test_history_without_an_id_is_about_the_workflow_that_runs_it(server: Server, run: Run) -> None:
    root = "b" * 24
    server.on("GET /v1/executions/task", (200, {"id": "task", "parent": root}))
    server.on(f"GET /v1/executions/{root}", (200, {"id": root}))
    server.on(f"GET /api/v1/executions/{root}", (200, {"alerts": [ALERT]}))
    ok, result = run("history")
    assert ok and result["kind"] == "execution"
    assert server.calls[0].headers["X-Auth-Token"] == "st2-token"


def test_history_refuses_what_is_no_id(server: Server, run: Run) -> None:
    ok, result = run("history", id="web-1")
    assert not ok and result["error"].startswith("'web-1' is not an id: a request id has 36 characters")
    assert server.calls == []


def test_alerts_sends_the_filters_that_were_given(server: Server, run: Run) -> None:
    server.on("GET /api/v1/alerts", (200, {"alerts": [ALERT] * 25, "next": "n"}))
    ok, result = run("alerts", dispatch_status="failed", limit=25, severity=None, **{"from": "2026-01-01T00:00:00Z"})
    assert ok and result["next"] == "n" and len(result["alerts"]) == 25
    assert result["text"].splitlines()[-1] == "and 5 more"
    wanted = [("dispatch_status", "failed"), ("from", "2026-01-01T00:00:00Z"), ("limit", "25")]
    assert sorted(server.calls[0].query) == wanted


def test_stats_is_the_answer(server: Server, run: Run) -> None:
    server.on("GET /api/v1/stats", (200, {"stats": []}))
    assert run("stats", to="2026-01-01T00:00:00Z") == (True, {"stats": []})
    assert server.calls[0].query == [("to", "2026-01-01T00:00:00Z")]


@pytest.mark.parametrize(
    ("action", "more", "sent"),
    [
        ("replay", {}, {"include_dispatched": False, "accept_unknown": False}),
        ("replay", {"include_dispatched": True}, {"include_dispatched": True, "accept_unknown": False}),
        ("discard", {}, {}),
        ("release", {"oldest": 5}, {"oldest": 5}),
    ],
)
def test_orders_are_dry_runs_by_default(
    server: Server, run: Run, action: str, more: Dict[str, Any], sent: Dict[str, Any]
) -> None:
    server.on(f"POST /api/v1/{action}s", (200, {"matched": 3, f"{action}ed": 0, "guards": [{"route": "hosts"}]}))
    ok, result = run(action, reason="routes fixed", filter={"dispatch_status": "failed"}, **more)
    body = {"filter": {"dispatch_status": "failed"}, "reason": "routes fixed", "dry_run": True, **sent}
    assert ok and server.calls[0].json == body
    assert result["text"] == f"matched 3, {action}ed 0 (dry run: nothing was changed)"


def test_one_alert_is_chosen_by_its_id(server: Server, run: Run) -> None:
    server.on("POST /api/v1/replays", (200, {"matched": 1, "replayed": 1}))
    ok, result = run("replay", reason="again", id=7, dry_run=False)
    assert ok and result["text"] == "matched 1, replayed 1"
    assert server.calls[0].json["filter"] == {"ids": [7]} and server.calls[0].json["dry_run"] is False


@pytest.mark.parametrize("chosen", [{}, {"filter": {}}, {"filter": {"ids": [1]}, "id": 1}])
def test_an_order_over_everything_is_refused(server: Server, run: Run, chosen: Dict[str, Any]) -> None:
    for action in ("replay", "discard", "release"):
        ok, result = run(action, reason="oops", **chosen)
        assert not ok and result["error"].startswith("say which alerts")
    assert server.calls == []


@pytest.mark.parametrize(
    ("what", "sent"),
    [
        ({"everything": True}, {"everything": True}),
        ({"route": "hosts"}, {"route": "hosts"}),
        ({"matchers": ['alertname="X"']}, {"matchers": ['alertname="X"']}),
    ],
)
def test_pause_names_one_thing(server: Server, run: Run, what: Dict[str, Any], sent: Dict[str, Any]) -> None:
    server.on("POST /api/v1/pauses", (201, {"id": 4}))
    ok, result = run("pause", reason="maintenance", duration="30m", **what)
    assert ok and result["pause"] == {"id": 4} and result["text"].endswith("(end it before with: resume 4)")
    assert server.calls[0].json == {**sent, "reason": "maintenance", "for": "30m"}


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ({}, "say what is paused"),
        ({"everything": True, "route": "hosts"}, "say what is paused"),
        ({"everything": True, "duration": "soon"}, "'soon' is not a duration"),
        ({"everything": True, "duration": "0m"}, "'0m' is no time at all"),
    ],
)
def test_a_pause_that_is_unclear_is_refused(server: Server, run: Run, what: Dict[str, Any], error: str) -> None:
    ok, result = run("pause", reason="x", **what)
    assert not ok and result["error"].startswith(error) and server.calls == []


def test_resume_ends_a_pause(server: Server, run: Run) -> None:
    server.on("DELETE /api/v1/pauses/4", (200, {"id": 4}))
    assert run("resume", id=4) == (True, {"pause": {"id": 4}, "text": "pause 4 has ended"})
    assert not run("resume", id=5)[0]


def test_guards_shows_the_pauses_too(server: Server, run: Run) -> None:
    server.on("GET /api/v1/guards", (200, {"routes": []})).on("GET /api/v1/pauses", (200, {"pauses": []}))
    assert run("guards") == (True, {"guards": {"routes": []}, "pauses": {"pauses": []}})


def test_approve_and_reject(server: Server, run: Run) -> None:
    server.on("POST /api/v1/approvals", (200, {"matched": 2}))
    assert run("approve", ids=[1, 2], reason="looks right")[1]["text"].startswith("approved")
    assert run("approve", ids=[3], reason="no", approve=False)[1]["text"].startswith("rejected")
    assert [call.json for call in server.calls] == [
        {"filter": {"ids": [1, 2]}, "approve": True, "reason": "looks right"},
        {"filter": {"ids": [3]}, "approve": False, "reason": "no"},
    ]
    assert not run("approve", ids=[], reason="nothing")[0]


def test_send_test_waits_until_the_alert_has_run(server: Server, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    server.on("POST /api/v1/webhook", (202, {"request_id": REQUEST_ID}))
    steps = [{"alerts": [{**ALERT, "dispatch_status": step}]} for step in ("pending", "queued", "dispatched")]
    server.on(f"GET /api/v1/requests/{REQUEST_ID}", *[(200, step) for step in steps])
    ok, result = run("send_test", labels={"team": "db"})
    assert ok and result["settled"] and result["request_id"] == REQUEST_ID
    sent = server.calls[0]
    assert sent.headers["Authorization"] == "Bearer webhook"
    labels = sent.json["alerts"][0]["labels"]
    assert (labels["alertname"], labels["team"]) == ("PoundCakeTest", "db") and labels["poundcake_test"]
    assert server.calls[1].headers["Authorization"] == "Bearer operator"


@pytest.mark.parametrize(("status", "settled"), [("skipped", True), ("queued", False)])
def test_send_test_fails_if_nothing_ran(server: Server, run: Run, status: str, settled: bool) -> None:
    server.on("POST /api/v1/webhook", (202, {"request_id": REQUEST_ID}))
    server.on(f"GET /api/v1/requests/{REQUEST_ID}", (200, {"alerts": [{**ALERT, "dispatch_status": status}]}))
    ok, result = run("send_test", wait=0)
    assert (ok, result["settled"]) == (False, settled)


def test_errors_say_who_answered_what(server: Server, run: Run) -> None:
    server.on("GET /api/v1/stats", (401, {"title": "Unauthorized", "detail": "the token is unknown"}))
    assert run("stats") == (False, {"error": f"GET {server.url}/api/v1/stats answered 401: the token is unknown"})
    server.on("GET /api/v1/stats", (200, b"<html>"))
    assert run("stats")[1]["error"].endswith("without JSON: is the URL right?")
    server.on("GET /api/v1/stats", (302, None))
    assert "answered 302" in run("stats")[1]["error"]


def test_a_missing_url_is_named(run: Run) -> None:
    ok, result = run("stats", {})
    assert not ok and result["error"].startswith("the pack's configuration has no url; set it in ")


def test_a_server_that_is_away_is_named(run: Run) -> None:
    ok, result = run("stats", {"url": "http://127.0.0.1:1"})
    assert not ok and result["error"].startswith("GET http://127.0.0.1:1/api/v1/stats: ")
