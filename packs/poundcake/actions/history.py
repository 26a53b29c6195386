"""Everything about one alert, request or execution."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from lib.base import PackAction
from lib.ids import kind_of
from lib.rendering import alert_story, alerts_text
from lib.roots import root_of


class History(PackAction):
    def act(self, id: Optional[str] = None, limit: int = 20) -> Tuple[bool, Any]:
        poundcake = self.poundcake()
        wanted = id.strip() if id else str(root_of(self.stackstorm(), self.own_execution_id())["id"])
        kind = kind_of(wanted)
        if kind == "fingerprint":
            parameters = {"fingerprint": wanted.lower(), "limit": limit}
            found = poundcake.get("/api/v1/alerts", parameters)
        else:
            path = {"request": "requests", "execution": "executions", "alert": "alerts"}[kind]
            found = poundcake.get(f"/api/v1/{path}/{wanted.lower()}")
        return True, {"kind": kind, "found": found, "text": alerts_text(_alerts(kind, found), alert_story)}


def _alerts(kind: str, found: Dict[str, Any]) -> List[Dict[str, Any]]:
    return [found] if kind == "alert" else list(found.get("alerts") or [])
