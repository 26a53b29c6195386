"""The metrics of docs/operations.md, and which of them a text or an expression uses.

A Rust test holds the table to the code, so what is in the table exists.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `(poundcake_\w+)` \| ([^|]*)\| (.*) \|$", re.M)
# Part of a name that a histogram's series end in.
PARTS = ("_bucket", "_sum", "_count")
# Not ours: Prometheus itself, and labels that every scrape adds.
FOREIGN = re.compile(r"\b(?:up|vector|ALERTS|alertmanager_\w+|prometheus_\w+)\b")
SCRAPE_LABELS = {"job", "instance", "le"}
# Things of ours that are not metrics: tables, the webhook, the database's names.
NOT_METRICS = re.compile(
    r"poundcake_(?:api_calls|alerts|st2_execution_link|st2_execution_extensions|alert|test|migrate|stackstorm|request_id|event|app)(?!\w)"
)


def metrics():
    """Each metric with its labels, and whether it is a histogram."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    found = {}
    for name, labels, meaning in ROW.findall(text):
        found[name] = (set(re.findall(r"`(\w+)`", labels)), "(histogram)" in meaning)
    assert len(found) > 40, "the table in docs/operations.md"
    return found


def base(name, known):
    """The metric that a series belongs to: that of a histogram without its ending."""
    for part in PARTS:
        stem = name.removesuffix(part)
        if stem != name and known.get(stem, (set(), False))[1]:
            return stem
    return name


def named(text):
    """The names in a text that look like a metric of ours."""
    return set(re.findall(r"\bpoundcake_[a-z0-9_]+\b", NOT_METRICS.sub("", text)))


def selectors(expression):
    """Each metric of ours in an expression with the labels that its selector names."""
    for name, labels in re.findall(r"\b(poundcake_\w+)(?:\{([^}]*)\})?", expression):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels or ""))


def grouped_by(expression):
    """The labels in its `by` and `on` clauses."""
    return {
        label.strip()
        for clause in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression)
        for label in clause.split(",")
        if label.strip()
    }


def problems(expression):
    """What an expression names that does not exist."""
    known = metrics()
    allowed = set(SCRAPE_LABELS)
    for name, labels in selectors(expression):
        metric = base(name, known)
        if metric not in known:
            yield f"{name} is not in docs/operations.md"
            continue
        if known[metric][1] and metric == name:
            yield f"{name} is a histogram: use _bucket, _sum or _count"
        if strange := labels - known[metric][0] - SCRAPE_LABELS:
            yield f"{name} has no label {', '.join(sorted(strange))}"
        allowed |= known[metric][0]
    if not FOREIGN.search(expression) and (strange := grouped_by(expression) - allowed):
        yield f"no metric of it has the label {', '.join(sorted(strange))}"
