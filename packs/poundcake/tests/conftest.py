"""What the tests share: actions as StackStorm makes them, and HTTP servers that remember what they were asked."""

from __future__ import annotations

import importlib.util
import inspect
import json
import logging
import sys
import threading
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple
from urllib.parse import parse_qsl, urlsplit

import pytest

import orquesta_compat  # noqa: F401 (before anything of orquesta)

ACTIONS = Path(__file__).resolve().parent.parent / "actions"
sys.path.insert(0, str(ACTIONS))

try:
    from st2common.runners.base_action import Action
except ImportError:

    class Action:  # type: ignore[no-redef]
        """What the actions use of StackStorm's own class."""

        def __init__(self, config: Any = None, action_service: Any = None) -> None:
            self.config = config or {}
            self.logger = logging.getLogger("action")

    for name in ("st2common", "st2common.runners", "st2common.runners.base_action"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["st2common.runners.base_action"].Action = Action  # type: ignore[attr-defined]


def action_class(name: str) -> Any:
    """The class of an action's file."""
    spec = importlib.util.spec_from_file_location(f"action_{name}", ACTIONS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__]
    assert len(found) == 1, f"StackStorm takes the one class of {name}.py: {found}"
    return found[0]


class Call:
    """One request."""

    def __init__(self, method: str, target: str, headers: Dict[str, str], body: bytes) -> None:
        parts = urlsplit(target)
        self.method, self.path, self.headers, self.body = method, parts.path, headers, body
        self.query: List[Tuple[str, str]] = parse_qsl(parts.query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> Dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


Answer = Tuple[int, Any]


class Server:
    """Answers from a table of `METHOD path`; a list is used up from the front, its last entry stays."""

    def __init__(self) -> None:
        self.answers: Dict[str, List[Answer]] = {}
        self.calls: List[Call] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                call = Call(self.command, self.path, dict(self.headers), self.rfile.read(length))
                server.calls.append(call)
                answers = server.answers.get(f"{call.method} {call.path}") or [(404, {"detail": "no such route"})]
                status, body = answers.pop(0) if len(answers) > 1 else answers[0]
                text = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_DELETE = handle_one  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def on(self, route: str, *answers: Answer) -> Server:
        self.answers[route] = list(answers)
        return self

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.stop()


Run = Callable[..., Tuple[bool, Any]]


@pytest.fixture
def run(server: Server, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs an action with all its servers at the fake one, as the task `task` of StackStorm."""
    config = {
        "url": server.url + "/",
        "token": "operator",
        "webhook_token": "webhook",
        "alertmanager_url": server.url,
        "prometheus_url": server.url,
        "timeout": 5,
    }
    monkeypatch.setenv("ST2_ACTION_API_URL", server.url + "/v1")
    monkeypatch.setenv("ST2_ACTION_AUTH_TOKEN", "st2-token")
    monkeypatch.setenv("ST2_ACTION_EXECUTION_ID", "task")

    def call(name: str, _config: Optional[Dict[str, Any]] = None, **parameters: Any) -> Tuple[bool, Any]:
        result = action_class(name)(config=config if _config is None else _config).run(**parameters)
        json.dumps(result)  # StackStorm stores JSON
        return result  # type: ignore[no-any-return]

    return call
