"""A silence for the labels of an alert."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Tuple

from lib import durations
from lib.base import PackAction
from lib.errors import ActionError
from lib.matchers import chosen, silence_matchers


class SilenceCreate(PackAction):
    def act(
        self,
        labels: Dict[str, Any],
        only: Optional[List[str]] = None,
        duration: str = "10m",
        comment: Optional[str] = None,
        author: str = "StackStorm",
    ) -> Tuple[bool, Any]:
        picked = chosen(labels, only)
        missing = [name for name in only or [] if name not in labels]
        if missing or not picked:
            raise ActionError(f"the alert has no label {', '.join(missing)}" if missing else "labels is empty")
        begins = datetime.now(timezone.utc)
        ends = begins + durations.parse(duration)
        silence = {
            "matchers": silence_matchers(picked),
            "startsAt": begins.isoformat(),
            "endsAt": ends.isoformat(),
            "createdBy": author,
            "comment": f"{comment or 'Remediation is running'} (StackStorm execution {self.own_execution_id()})",
        }
        answer = self.alertmanager().post("/api/v2/silences", silence)
        return True, {"silence_id": answer["silenceID"], "ends_at": silence["endsAt"]}
