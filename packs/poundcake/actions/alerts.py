"""Alerts, newest first."""

from __future__ import annotations

from typing import Any, Tuple

from lib.base import PackAction, given
from lib.rendering import alerts_text


class Alerts(PackAction):
    def act(self, **filters: Any) -> Tuple[bool, Any]:
        page = self.poundcake().get("/api/v1/alerts", given(filters))
        return True, {"alerts": page["alerts"], "next": page.get("next"), "text": alerts_text(page["alerts"])}
