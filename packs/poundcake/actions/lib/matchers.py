"""Matchers in the syntax of Alertmanager and Prometheus, made of labels. Values are quoted: alert text stays text."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterable, List, Optional

from lib.errors import ActionError

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# PoundCake breaks the opening marks of templates apart, so such a value is not the label's own any more.
BROKEN_MARKS = ("{ {", "{ %", "{ #", "< %")


def quoted(value: str) -> str:
    """A Go string literal; JSON's escapes are a part of Go's."""
    return json.dumps(value, ensure_ascii=False)


def chosen(labels: Dict[str, Any], only: Optional[Iterable[str]] = None) -> Dict[str, str]:
    """The labels of these names, or all of them."""
    names = list(only) if only else sorted(labels)
    return {name: str(labels[name]) for name in names if name in labels}


def selector(labels: Dict[str, str]) -> str:
    """The inside of `{…}` in PromQL."""
    for name in labels:
        if not NAME.fullmatch(name):
            raise ActionError(f"the label name {name!r} cannot be used in PromQL: name others with only")
    return ",".join(f"{name}={quoted(value)}" for name, value in labels.items())


def as_it_is(value: str) -> bool:
    """Whether PoundCake passed this text on unchanged."""
    return not any(marks in value for marks in BROKEN_MARKS)


def filters(labels: Dict[str, Any]) -> List[str]:
    """Alertmanager's `filter` parameters for labels, without those that cannot be compared."""
    usable = {name: str(value) for name, value in labels.items() if NAME.fullmatch(name) and as_it_is(str(value))}
    return [f"{name}={quoted(value)}" for name, value in sorted(usable.items())]


def silence_matchers(labels: Dict[str, Any]) -> List[Dict[str, Any]]:
    """A silence's matchers. A value that was changed on the way would silence nothing, or something else."""
    for name, value in labels.items():
        if not as_it_is(str(value)):
            raise ActionError(
                f"the label {name} contains template marks that PoundCake has broken apart; name other labels with only"
            )
    return [
        {"name": name, "value": str(value), "isRegex": False, "isEqual": True} for name, value in sorted(labels.items())
    ]
