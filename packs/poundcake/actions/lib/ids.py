"""What an id is the id of, told by its form, as `poundcake history` does."""

from __future__ import annotations

import re

from lib.errors import ActionError

FORMS = (
    ("request", re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("fingerprint", re.compile(r"[0-9a-fA-F]{16}")),
    ("execution", re.compile(r"[0-9a-fA-F]{24}")),
    ("alert", re.compile(r"[1-9][0-9]{0,14}")),
)


def kind_of(text: str) -> str:
    for kind, form in FORMS:
        if form.fullmatch(text):
            return kind
    raise ActionError(
        f"{text!r} is not an id: a request id has 36 characters, a fingerprint 16 hex digits, "
        "an execution id 24 hex digits, and an alert id is a number"
    )
