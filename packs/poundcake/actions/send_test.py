"""One alert through PoundCake, followed until it is settled."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Tuple

from lib.base import PackAction
from lib.rendering import alert_story, alerts_text

OPEN = ("pending", "queued", "held", "dispatching", "awaiting_execution")
BETWEEN = 0.5


class SendTest(PackAction):
    def act(
        self, alertname: str = "PoundCakeTest", labels: Optional[Dict[str, Any]] = None, wait: int = 60
    ) -> Tuple[bool, Any]:
        poundcake = self.poundcake()
        accepted = self.poundcake("webhook_token").post("/api/v1/webhook", webhook(alertname, labels or {}))
        request_id = accepted["request_id"]
        give_up = time.monotonic() + wait
        while True:
            alerts: List[Dict[str, Any]] = poundcake.get(f"/api/v1/requests/{request_id}")["alerts"]
            settled = all(alert["dispatch_status"] not in OPEN for alert in alerts)
            if settled or time.monotonic() >= give_up:
                break
            time.sleep(BETWEEN)
        ran = settled and all(alert["dispatch_status"] == "dispatched" for alert in alerts)
        return ran, {"request_id": request_id, "settled": settled, "text": alerts_text(alerts, alert_story)}


def webhook(alertname: str, labels: Dict[str, Any]) -> Dict[str, Any]:
    """An alert that starts now, with a label of its own: never a repeat."""
    own = {
        "alertname": alertname,
        "severity": "critical",
        "instance": "poundcake-send-test",
        "poundcake_test": str(uuid.uuid4()),
    }
    alert = {
        "status": "firing",
        "labels": {**own, **{name: str(value) for name, value in labels.items()}},
        "annotations": {"summary": "sent by poundcake.send_test"},
        "startsAt": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"),
    }
    return {"version": "4", "status": "firing", "receiver": "send-test", "alerts": [alert]}
