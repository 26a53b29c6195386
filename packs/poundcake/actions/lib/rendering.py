"""Short texts for people in a chat or a terminal."""

from __future__ import annotations

from typing import Any, Dict, List

MANY = 20


def alert_line(alert: Dict[str, Any]) -> str:
    state = alert.get("dispatch_status") or "?"
    if alert.get("dispatch_reason"):
        state = f"{state}/{alert['dispatch_reason']}"
    place = f" on {alert['instance']}" if alert.get("instance") else ""
    ran = ", ".join(link.get("st2_execution_id", "?") for link in alert.get("links") or [])
    tail = f" -> {ran}" if ran else ""
    return f"{alert.get('id')}: {alert.get('alert_name')}{place} {alert.get('status')}, {state}{tail}"


def alert_story(alert: Dict[str, Any]) -> List[str]:
    lines = [alert_line(alert)]
    if alert.get("dispatch_target"):
        lines.append(f"  target {alert['dispatch_target']}, attempts {alert.get('dispatch_attempts', 0)}")
    if alert.get("dispatch_error"):
        lines.append(f"  error: {alert['dispatch_error']}")
    for link in alert.get("links") or []:
        execution = link.get("execution") or {}
        lines.append(
            f"  ran {link.get('st2_action_ref') or link.get('st2_rule_ref') or 'an execution'} "
            f"{link.get('st2_execution_id')}: {execution.get('status') or 'status not known'}"
        )
    return lines


def alerts_text(alerts: List[Dict[str, Any]], lines_of: Any = alert_line) -> str:
    shown = [lines_of(alert) for alert in alerts[:MANY]]
    flat = [line for entry in shown for line in (entry if isinstance(entry, list) else [entry])]
    if len(alerts) > MANY:
        flat.append(f"and {len(alerts) - MANY} more")
    return "\n".join(flat) if flat else "no alerts"
