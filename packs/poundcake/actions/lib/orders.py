"""Orders over the alerts that a filter chooses."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from lib.errors import ActionError
from lib.json_client import JsonClient


def selection(filter: Optional[Dict[str, Any]], alert_id: Optional[int]) -> Dict[str, Any]:
    """Exactly one way to choose; an order without a choice would be one over everything."""
    if bool(filter) == (alert_id is not None):
        raise ActionError("say which alerts: either filter, with at least one field, or id")
    return {"ids": [alert_id]} if alert_id is not None else dict(filter or {})


def order(
    poundcake: JsonClient,
    path: str,
    filter: Optional[Dict[str, Any]],
    alert_id: Optional[int],
    reason: str,
    dry_run: bool,
    more: Dict[str, Any],
) -> Tuple[bool, Any]:
    body = {"filter": selection(filter, alert_id), "reason": reason, "dry_run": dry_run, **more}
    answer = poundcake.post(f"/api/v1/{path}", body)
    numbers = ", ".join(f"{name} {number}" for name, number in answer.items() if isinstance(number, int))
    tail = " (dry run: nothing was changed)" if dry_run else ""
    return True, {**answer, "dry_run": dry_run, "text": f"{numbers}{tail}"}
