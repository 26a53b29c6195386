"""Names that come from alert text, checked before they are used."""

from __future__ import annotations

from typing import Any, Optional, Tuple

from lib.base import PackAction
from lib.names import host_and_port, service_name


class CheckNames(PackAction):
    def act(self, instance: str, service: Optional[str] = None) -> Tuple[bool, Any]:
        return True, {**host_and_port(instance), "service": service_name(service) if service else None}
