"""The last step of a workflow: what happened, in words, and as its status."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from lib.base import PackAction

WORDS = {
    "fixed": "the alert has cleared",
    "nothing_to_do": "nothing was done: the alert no longer fires, or is silenced or inhibited",
    "not_fixed": "the alert has not cleared; a person has to look",
}


class Report(PackAction):
    def act(
        self,
        outcome: str,
        alert_name: Optional[str] = None,
        instance: Optional[str] = None,
        severity: Optional[str] = None,
        annotations: Optional[Dict[str, Any]] = None,
        detail: Optional[str] = None,
    ) -> Tuple[bool, Any]:
        summary = (annotations or {}).get("summary")
        lines = [f"{alert_name} ({severity or 'no severity'}) on {instance}: {WORDS[outcome]}"]
        lines += [str(text) for text in (summary, detail) if text]
        report = {"outcome": outcome, "text": "\n".join(lines), "annotations": annotations or {}}
        return outcome != "not_fixed", report
