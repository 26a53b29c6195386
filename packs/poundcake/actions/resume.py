"""A pause ends now."""

from __future__ import annotations

from typing import Any, Tuple
from urllib.parse import quote

from lib.base import PackAction


class Resume(PackAction):
    def act(self, id: str) -> Tuple[bool, Any]:
        answer = self.poundcake().delete(f"/api/v1/pauses/{quote(id, safe='')}")
        return True, {"pause": answer, "text": f"pause {id} has ended"}
