"""A person's yes or no to alerts that wait for it."""

from __future__ import annotations

from typing import Any, List, Tuple

from lib.base import PackAction
from lib.errors import ActionError


class Approve(PackAction):
    def act(self, ids: List[int], reason: str, approve: bool = True) -> Tuple[bool, Any]:
        if not ids:
            raise ActionError("ids names no alert")
        body = {"filter": {"ids": ids}, "approve": approve, "reason": reason}
        answer = self.poundcake().post("/api/v1/approvals", body)
        return True, {"answer": answer, "text": f"{'approved' if approve else 'rejected'}: {answer}"}
