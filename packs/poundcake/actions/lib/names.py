"""Names out of alert text, checked before they are used for anything."""

from __future__ import annotations

import re
from typing import Any, Dict

from lib.errors import ActionError

HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
ADDRESS = re.compile(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
INSTANCE = re.compile(r"(?:\[(?P<address>[^\[\]]*)\]|(?P<host>[^:\[\]]*))(?::(?P<port>\d{1,5}))?")
SERVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")


def host_and_port(instance: str) -> Dict[str, Any]:
    """The parts of Prometheus' `instance`: HOST, HOST:PORT, [IPv6]:PORT. Anything else is refused."""
    refused = ActionError(
        f"instance {instance!r} is not a host name with or without a port; nothing was run. "
        "Set the workflow's parameter instance in the route or rule"
    )
    found = INSTANCE.fullmatch(instance or "")
    if not found:
        raise refused
    address, host, port = found.group("address", "host", "port")
    if not (ADDRESS.fullmatch(address) if address is not None else HOST.fullmatch(host)):
        raise refused
    return {"host": address if address is not None else host, "port": int(port) if port else None}


def service_name(service: str) -> str:
    """A systemd unit's name."""
    if not SERVICE.fullmatch(service or ""):
        raise ActionError(f"service {service!r} is not the name of a systemd unit; nothing was run")
    return service
