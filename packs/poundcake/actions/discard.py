"""Chosen alerts never run."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from lib.base import PackAction
from lib.orders import order


class Discard(PackAction):
    def act(
        self, reason: str, filter: Optional[Dict[str, Any]] = None, id: Optional[int] = None, dry_run: bool = True
    ) -> Tuple[bool, Any]:
        return order(self.poundcake(), "discards", filter, id, reason, dry_run, {})
