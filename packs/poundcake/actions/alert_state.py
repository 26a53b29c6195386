"""Whether one alert still fires, asked once or until it has cleared."""

from __future__ import annotations

import time
from typing import Any, Dict, Optional, Tuple

from lib.base import PackAction
from lib.errors import ActionError
from lib.json_client import JsonClient
from lib.matchers import filters

BETWEEN = 2.0


class AlertState(PackAction):
    def act(
        self,
        fingerprint: str,
        alert_name: Optional[str] = None,
        labels: Optional[Dict[str, Any]] = None,
        wait_until_cleared: int = 0,
    ) -> Tuple[bool, Any]:
        if not fingerprint:
            raise ActionError("fingerprint is empty: the alert cannot be told from others")
        alertmanager = self.alertmanager()
        wanted = labels or ({"alertname": alert_name} if alert_name else {})
        begun = time.monotonic()
        while True:
            state = state_of(alertmanager, fingerprint, wanted)
            waited = time.monotonic() - begun
            if state == "cleared" or waited >= wait_until_cleared:
                break
            time.sleep(min(BETWEEN, wait_until_cleared - waited))
        as_wanted = state == "cleared" or not wait_until_cleared
        return as_wanted, {"state": state, "waited": round(waited, 1)}


def state_of(alertmanager: JsonClient, fingerprint: str, labels: Dict[str, Any]) -> str:
    """firing, silenced, inhibited, or cleared: Alertmanager does not list an alert that has ended."""
    for alert in alertmanager.get("/api/v2/alerts", [("filter", text) for text in filters(labels)]):
        if alert["fingerprint"] == fingerprint:
            status = alert["status"]
            if status["state"] != "suppressed":
                return "firing"
            return "silenced" if status.get("silencedBy") else "inhibited"
    return "cleared"
