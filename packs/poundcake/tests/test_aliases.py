"""What people write in a chat, and what they are told."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Optional

import jinja2
import pytest
import yaml

ALIASES = Path(__file__).resolve().parent.parent / "aliases"


def alias(name: str) -> Dict[str, Any]:
    return dict(yaml.safe_load((ALIASES / f"{name}.yaml").read_text()))


def understood(name: str, text: str) -> Optional[Dict[str, str]]:
    """The parameters that a text gives. A parameter with a default may be left out, with the space before it."""
    for one in alias(name)["formats"]:
        for representation in one["representation"]:
            defaults: Dict[str, str] = {}
            pattern = ""
            for part in re.split(r"(\s*{{.*?}})", representation):
                found = re.fullmatch(r"\s*{{\s*(\w+)(?:\s*=\s*(\w+))?\s*}}", part)
                if not found:
                    pattern += re.escape(part)
                elif found[2]:
                    defaults[found[1]] = found[2]
                    pattern += rf"(?:\s+(?P<{found[1]}>.+?))?"
                else:
                    pattern += rf"\s+(?P<{found[1]}>.+?)"
            match = re.fullmatch(pattern, text)
            if match:
                given = {key: value for key, value in match.groupdict().items() if value is not None}
                return {**defaults, **given}
    return None


@pytest.mark.parametrize(
    ("name", "text", "parameters"),
    [
        ("why", "poundcake why a040726554fc8521", {"id": "a040726554fc8521"}),
        ("failed", "poundcake failed", {"limit": "20"}),
        ("failed", "poundcake failed 5", {"limit": "5"}),
        ("replay", "poundcake replay 7 because the route is fixed", {"id": "7", "reason": "the route is fixed"}),
        ("pause", "poundcake pause for 30m because network work", {"duration": "30m", "reason": "network work"}),
        ("replay", "poundcake replay 7", None),
    ],
)
def test_a_line_gives_its_parameters(name: str, text: str, parameters: Optional[Dict[str, str]]) -> None:
    assert understood(name, text) == parameters


@pytest.mark.parametrize(
    ("name", "fixed"),
    [
        ("why", {}),
        ("failed", {"dispatch_status": "failed"}),
        ("replay", {"dry_run": False}),
        ("pause", {"everything": True}),
    ],
)
def test_what_a_line_cannot_change(name: str, fixed: Dict[str, Any]) -> None:
    assert alias(name).get("immutable_parameters", {}) == fixed


@pytest.mark.parametrize("name", ["why", "failed", "replay", "pause"])
def test_the_answer_is_the_text_or_the_error(name: str) -> None:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701 (a chat is no HTML)
    template = environment.from_string(alias(name)["result"]["format"])
    for result, said in (({"text": "all well"}, "all well"), ({"error": "no url"}, "no url")):
        execution = SimpleNamespace(result={"result": result})
        assert template.render(execution=execution).strip() == said
