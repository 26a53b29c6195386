"""Chosen alerts run again."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from lib.base import PackAction
from lib.orders import order


class Replay(PackAction):
    def act(
        self,
        reason: str,
        filter: Optional[Dict[str, Any]] = None,
        id: Optional[int] = None,
        dry_run: bool = True,
        include_dispatched: bool = False,
        accept_unknown: bool = False,
    ) -> Tuple[bool, Any]:
        body = {"include_dispatched": include_dispatched, "accept_unknown": accept_unknown}
        return order(self.poundcake(), "replays", filter, id, reason, dry_run, body)
