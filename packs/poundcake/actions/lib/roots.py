"""Executions of one trace tag in StackStorm: which was first."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from lib.json_client import HttpError, JsonClient

# Far more than any workflow nests.
DEEPEST = 50


def root_of(stackstorm: JsonClient, execution_id: str) -> Dict[str, Any]:
    """The execution that started it all: a task's workflow, its workflow, and so on."""
    execution: Dict[str, Any] = stackstorm.get(f"/executions/{execution_id}")
    for _ in range(DEEPEST):
        parent = execution.get("parent")
        if not parent:
            break
        execution = stackstorm.get(f"/executions/{parent}")
    return execution


def trace_tag(stackstorm: JsonClient, root: Dict[str, Any]) -> Optional[str]:
    """The tag that PoundCake gave; none for an execution that a person started."""
    context = (root.get("context") or {}).get("trace_context") or {}
    if not context.get("trace_tag") and context.get("id_"):
        return str(stackstorm.get(f"/traces/{context['id_']}")["trace_tag"])
    return context.get("trace_tag")


def is_repetition(execution: Dict[str, Any]) -> bool:
    """StackStorm's own retry or a person's re-run: wanted, and of no interest here."""
    context = execution.get("context") or {}
    return bool((context.get("policies") or {}).get("retry") or context.get("re-run"))


def started_at(execution: Dict[str, Any]) -> Optional[str]:
    """When a runner took it; none if it never ran, or has not yet."""
    times = [entry["timestamp"] for entry in execution.get("log") or [] if entry.get("status") == "running"]
    return min(times) if times else None


def rule_of(root: Dict[str, Any]) -> Optional[str]:
    """The rule that started it; none for one that was posted directly."""
    return ((root.get("context") or {}).get("rule") or {}).get("id")


def siblings(stackstorm: JsonClient, root: Dict[str, Any], tag: str) -> List[Dict[str, Any]]:
    """The other roots of all traces of this tag: of the same rule, or posted directly as this one."""
    rule = rule_of(root)
    ids = set()
    for trace in stackstorm.get("/traces", {"trace_tag": tag}):
        for entry in trace.get("action_executions") or []:
            cause = entry.get("caused_by") or {}
            posted = not cause
            of_rule = cause.get("type") == "rule" and str(cause.get("id", "")).split(":")[0] == rule
            if (posted if rule is None else of_rule) and entry["object_id"] != root["id"]:
                ids.add(entry["object_id"])
    return [found for found in (_get(stackstorm, one) for one in sorted(ids)) if found]


def _get(stackstorm: JsonClient, execution_id: str) -> Optional[Dict[str, Any]]:
    try:
        found: Dict[str, Any] = stackstorm.get(f"/executions/{execution_id}")
        return found
    except HttpError as error:
        # Garbage collected. What is gone by then was not started a moment ago.
        if error.status == 404:
            return None
        raise


def earlier(root: Dict[str, Any], others: List[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """The one that started first, if that is not this root. All of them come to the same answer."""

    def order(execution: Dict[str, Any]) -> Tuple[str, str]:
        return started_at(execution) or "", execution["id"]

    own = order(root)
    started = [one for one in others if started_at(one) and not is_repetition(one) and order(one) < own]
    return min(started, key=order) if started else None
