"""Held alerts start before their time."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from lib.base import PackAction
from lib.orders import order


class Release(PackAction):
    def act(
        self,
        reason: str,
        filter: Optional[Dict[str, Any]] = None,
        id: Optional[int] = None,
        oldest: Optional[int] = None,
        dry_run: bool = True,
    ) -> Tuple[bool, Any]:
        body = {"oldest": oldest} if oldest else {}
        return order(self.poundcake(), "releases", filter, id, reason, dry_run, body)
