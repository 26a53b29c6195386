"""A silence ends now."""

from __future__ import annotations

from typing import Any, Tuple
from urllib.parse import quote

from lib.base import PackAction


class SilenceExpire(PackAction):
    def act(self, silence_id: str) -> Tuple[bool, Any]:
        self.alertmanager().delete(f"/api/v2/silence/{quote(silence_id, safe='')}")
        return True, {"silence_id": silence_id}
