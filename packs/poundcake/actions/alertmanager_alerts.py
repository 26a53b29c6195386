"""What Alertmanager holds now."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from lib.base import PackAction


class AlertmanagerAlerts(PackAction):
    def act(
        self,
        matchers: Optional[List[str]] = None,
        active: bool = True,
        silenced: bool = True,
        inhibited: bool = True,
        receiver: Optional[str] = None,
    ) -> Tuple[bool, Any]:
        parameters: List[Tuple[str, str]] = [("filter", matcher) for matcher in matchers or []]
        for name, value in (("active", active), ("silenced", silenced), ("inhibited", inhibited)):
            parameters.append((name, "true" if value else "false"))
        if receiver:
            parameters.append(("receiver", receiver))
        alerts = self.alertmanager().get("/api/v2/alerts", parameters)
        return True, {"count": len(alerts), "alerts": alerts}
