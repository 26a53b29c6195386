"""What all actions of the pack share: configuration, clients, and failures without a traceback."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Optional, Tuple

from st2common.runners.base_action import Action

from lib.errors import ActionError
from lib.json_client import JsonClient


def given(parameters: Dict[str, Any]) -> Dict[str, Any]:
    """The parameters that have a value."""
    return {name: value for name, value in parameters.items() if value not in (None, "", [], {})}


class PackAction(Action):
    """An action writes `act`; an `ActionError` fails the execution with its text."""

    # Each action has parameters of its own.
    act: Callable[..., Tuple[bool, Any]]

    def run(self, **parameters: Any) -> Tuple[bool, Any]:
        try:
            return self.act(**parameters)
        except ActionError as error:
            self.logger.error("%s", error)
            return False, {"error": str(error)}

    def poundcake(self, token: str = "token") -> JsonClient:
        return self._client("url", self.config.get(token) or self.config.get("token"))

    def alertmanager(self) -> JsonClient:
        return self._client("alertmanager_url", self.config.get("alertmanager_token"))

    def prometheus(self) -> JsonClient:
        return self._client("prometheus_url", self.config.get("prometheus_token"))

    def stackstorm(self) -> JsonClient:
        """StackStorm's own API, with the token that StackStorm gives to each running action."""
        url, token = os.environ.get("ST2_ACTION_API_URL"), os.environ.get("ST2_ACTION_AUTH_TOKEN")
        if not url or not token:
            raise ActionError("StackStorm gave the action no API URL and token: run it through StackStorm")
        return JsonClient(url, {"X-Auth-Token": token}, self.config.get("ca_file"), self._timeout())

    def own_execution_id(self) -> str:
        found = os.environ.get("ST2_ACTION_EXECUTION_ID")
        if not found:
            raise ActionError("StackStorm gave the action no execution id: run it through StackStorm")
        return found

    def _timeout(self) -> float:
        return float(self.config.get("timeout") or 30)

    def _client(self, name: str, token: Optional[str]) -> JsonClient:
        url = self.config.get(name)
        if not url:
            raise ActionError(
                f"the pack's configuration has no {name}; set it in /opt/stackstorm/configs/poundcake.yaml "
                "and run `st2ctl reload --register-configs`"
            )
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return JsonClient(url, headers, self.config.get("ca_file"), self._timeout())
