"""Durations as Prometheus writes them: 90s, 10m, 1h30m."""

from __future__ import annotations

import re
from datetime import timedelta

from lib.errors import ActionError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FORM = re.compile(r"(?:\d+[smhd])+")
PART = re.compile(r"(\d+)([smhd])")


def parse(text: str) -> timedelta:
    """A duration, longer than nothing."""
    if not FORM.fullmatch(text or ""):
        raise ActionError(f"{text!r} is not a duration: write for example 90s, 10m or 1h30m")
    found = timedelta(seconds=sum(int(number) * SECONDS[unit] for number, unit in PART.findall(text)))
    if not found:
        raise ActionError(f"{text!r} is no time at all")
    return found
