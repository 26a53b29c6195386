"""Names before they are used, and the report at the end."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from conftest import Run


@pytest.mark.parametrize(
    ("instance", "host", "port"),
    [
        ("web-1", "web-1", None),
        ("web-1.example:9100", "web-1.example", 9100),
        ("10.0.0.1:9100", "10.0.0.1", 9100),
        ("[2001:db8::1]:9100", "2001:db8::1", 9100),
        ("[fe80::1]", "fe80::1", None),
    ],
)
def test_instances_are_split(run: Run, instance: str, host: str, port: Optional[int]) -> None:
    assert run("check_names", instance=instance) == (True, {"host": host, "port": port, "service": None})


@pytest.mark.parametrize(
    "instance",
    [
        "",
        "-e",
        "a b",
        "a;reboot",
        "$(reboot)",
        "a'b",
        'a"b',
        "a\nb",
        "web-1\n",
        "http://a",
        "a:b",
        "a:1:2",
        "[x y]:1",
        "ü",
    ],
)
def test_everything_else_is_refused(run: Run, instance: str) -> None:
    ok, result = run("check_names", instance=instance)
    assert not ok and result["error"].startswith(f"instance {instance!r} is not a host name")


@pytest.mark.parametrize(
    ("service", "ok"), [("nginx", True), ("getty@tty1.service", True), ("-H", False), ("a;b", False)]
)
def test_services_are_unit_names(run: Run, service: str, ok: bool) -> None:
    done, result = run("check_names", instance="web-1", service=service)
    assert done is ok and (result.get("service") == service or "is not the name of a systemd unit" in result["error"])


@pytest.mark.parametrize(
    ("outcome", "ok", "words"),
    [
        ("fixed", True, "the alert has cleared"),
        ("nothing_to_do", True, "nothing was done"),
        ("not_fixed", False, "a person has to look"),
    ],
)
def test_the_report_fails_what_is_not_fixed(run: Run, outcome: str, ok: bool, words: str) -> None:
    annotations: Any = {"summary": 'disk "a"\n is { { full } }'}
    done, result = run("report", outcome=outcome, alert_name="A", instance="i", annotations=annotations, detail="d")
    assert done is ok and words in result["text"]
    assert result["text"].endswith('\ndisk "a"\n is { { full } }\nd') and result["annotations"] == annotations
