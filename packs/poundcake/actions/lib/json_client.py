"""JSON over HTTP, with errors that name the server and what it said."""

from __future__ import annotations

from typing import Any, Dict, Optional

import requests

from lib.errors import ActionError

LONGEST_QUOTE = 500


class HttpError(ActionError):
    """The server answered with an error status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class JsonClient:
    """One server. Redirects are not followed: they would send the token elsewhere."""

    def __init__(
        self,
        url: str,
        headers: Optional[Dict[str, str]] = None,
        ca_file: Optional[str] = None,
        timeout: float = 30,
    ) -> None:
        self.url = url.rstrip("/")
        self._headers = headers or {}
        self._verify: Any = ca_file or True
        self._timeout = timeout

    def get(self, path: str, params: Any = None) -> Any:
        return self._call("GET", path, params=params)

    def post(self, path: str, body: Any) -> Any:
        return self._call("POST", path, json=body)

    def post_form(self, path: str, form: Dict[str, str]) -> Any:
        return self._call("POST", path, data=form)

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path)

    def _call(self, method: str, path: str, **what: Any) -> Any:
        url = self.url + path
        try:
            answer = requests.request(
                method,
                url,
                headers={"Accept": "application/json", **self._headers},
                verify=self._verify,
                timeout=self._timeout,
                allow_redirects=False,
                **what,
            )
        except requests.RequestException as error:
            raise ActionError(f"{method} {url}: {error}") from error
        if not 200 <= answer.status_code < 300:
            raise HttpError(f"{method} {url} answered {answer.status_code}: {_said(answer)}", answer.status_code)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise ActionError(f"{method} {url} answered {answer.status_code} without JSON: is the URL right?") from None


def _said(answer: requests.Response) -> str:
    """The server's own words: a problem's detail, StackStorm's faultstring, Prometheus' error, or the text."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        for name in ("detail", "faultstring", "error", "message", "title"):
            if isinstance(body.get(name), str):
                return str(body[name])
    if isinstance(body, str):
        return body
    return answer.text[:LONGEST_QUOTE]
