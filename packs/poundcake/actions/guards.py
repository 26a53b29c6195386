"""What holds alerts back now."""

from __future__ import annotations

from typing import Any, Tuple

from lib.base import PackAction


class Guards(PackAction):
    def act(self) -> Tuple[bool, Any]:
        poundcake = self.poundcake()
        return True, {"guards": poundcake.get("/api/v1/guards"), "pauses": poundcake.get("/api/v1/pauses")}
