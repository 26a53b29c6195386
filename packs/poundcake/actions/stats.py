"""How many executions, and how they ended, per workflow and day."""

from __future__ import annotations

from typing import Any, Tuple

from lib.base import PackAction, given


class Stats(PackAction):
    def act(self, **period: Any) -> Tuple[bool, Any]:
        return True, self.poundcake().get("/api/v1/stats", given(period))
