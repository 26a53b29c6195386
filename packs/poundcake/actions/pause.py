"""No new starts for a while."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from lib import durations
from lib.base import PackAction
from lib.errors import ActionError


class Pause(PackAction):
    def act(
        self,
        reason: str,
        everything: bool = False,
        route: Optional[str] = None,
        matchers: Optional[List[str]] = None,
        duration: str = "1h",
    ) -> Tuple[bool, Any]:
        if sum((bool(everything), bool(route), bool(matchers))) != 1:
            raise ActionError("say what is paused: one of everything, route and matchers")
        durations.parse(duration)
        body: Dict[str, Any] = {"reason": reason, "for": duration}
        body.update({"everything": True} if everything else {"route": route} if route else {"matchers": matchers})
        answer = self.poundcake().post("/api/v1/pauses", body)
        what = "everything" if everything else f"route {route}" if route else ", ".join(matchers or [])
        text = f"paused {what} for {duration}: {reason} (end it before with: resume {answer.get('id')})"
        return True, {"pause": answer, "text": text}
