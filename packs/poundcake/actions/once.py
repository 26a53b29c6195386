"""The first step of a workflow that must not run twice for one firing."""

from __future__ import annotations

from typing import Any, Tuple

from lib.base import PackAction
from lib.errors import ActionError
from lib.roots import earlier, is_repetition, root_of, siblings, started_at, trace_tag


class Once(PackAction):
    def act(self, when_second: str = "cancel") -> Tuple[bool, Any]:
        stackstorm = self.stackstorm()
        root = root_of(stackstorm, self.own_execution_id())
        tag = trace_tag(stackstorm, root)
        result = {"first": True, "root": root["id"], "trace_tag": tag, "because": None}
        if not tag:
            return True, {**result, "because": "this execution was started by a person: it has no trace tag"}
        if is_repetition(root):
            return True, {**result, "because": "this execution is a wanted repetition: a retry or a re-run"}
        if not started_at(root):
            raise ActionError(f"StackStorm's log of {root['id']} does not say when it started: nothing was run")
        first = earlier(root, siblings(stackstorm, root, tag))
        if not first:
            return True, result
        because = f"execution {first['id']} ran before for the same firing ({tag}); this one stops here"
        self.logger.warning("%s", because)
        if when_second == "cancel":
            # The running task is waited for, so this action ends first. It fails, in case the cancel has no effect.
            stackstorm.delete(f"/executions/{root['id']}")
        return False, {**result, "first": False, "because": because, "other": first["id"]}
