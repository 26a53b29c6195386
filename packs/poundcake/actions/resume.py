"""A pause ends now."""

from __future__ import annotations

from typing import Any, Tuple

from lib.base import PackAction


class Resume(PackAction):
    def act(self, id: int) -> Tuple[bool, Any]:
        answer = self.poundcake().delete(f"/api/v1/pauses/{id}")
        return True, {"pause": answer, "text": f"pause {id} has ended"}
