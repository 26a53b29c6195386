#!/usr/bin/env python3
"""Holds the log lines of src/ to docs/log-events.md, in both directions.

Each log line starts its key-values with `event = "snake_case_name"`. docs/log-events.md has one row for each event, with the
levels at which it is logged. A line whose level is computed counts as `varies`.

Usage: tests/lint/log_events.py   (in the repository's top directory)
"""

import pathlib
import re
import sys

PAGE = "docs/log-events.md"
CALL = re.compile(r"\b(?:log::)?(error|warn|info|debug|trace|log)!\s*\(")
EVENT = re.compile(r'\s*(?:(?P<level>[^,;"]+),\s*)?event = "(?P<name>[a-z0-9]+(?:_[a-z0-9]+)*)"\s*[,;]')
ROW = re.compile(r"^\| `([^`]+)` \| ([a-z, ]+) \| \S", re.M)


def calls(text):
    """Each log macro that is not in a comment: its line, its macro and what follows the parenthesis."""
    for call in CALL.finditer(text):
        line = text[text.rfind("\n", 0, call.start()) + 1 : call.start()]
        if "//" not in line:
            yield text.count("\n", 0, call.start()) + 1, call[1], text[call.end() :]


def logged():
    """The events in the source with their levels, and the lines that have none."""
    events, bad = {}, []
    for path in sorted(pathlib.Path("src").rglob("*.rs")):
        for line, macro, rest in calls(path.read_text(encoding="utf-8")):
            event = EVENT.match(rest)
            if not event or (macro == "log") != bool(event["level"]):
                bad.append(f'{path}:{line}: the first key-value of a log line is `event = "snake_case_name"`')
            else:
                events.setdefault(event["name"], set()).add("varies" if macro == "log" else macro)
    return events, bad


def main():
    events, bad = logged()
    rows = ROW.findall(pathlib.Path(PAGE).read_text(encoding="utf-8"))
    documented = {name: {level.strip() for level in levels.split(",")} for name, levels in rows}
    bad += [f"{PAGE}: {name} has more than one row" for name in documented if [row[0] for row in rows].count(name) > 1]
    bad += [f"{PAGE}: {name} is missing" for name in sorted(events.keys() - documented.keys())]
    bad += [f"{PAGE}: {name} is logged nowhere" for name in sorted(documented.keys() - events.keys())]
    for name in sorted(events.keys() & documented.keys()):
        if events[name] != documented[name]:
            bad.append(f"{PAGE}: {name} is logged at {', '.join(sorted(events[name]))}")
    print("\n".join(bad) or f"{len(events)} events are documented in {PAGE}")
    sys.exit(bool(bad))


main()
