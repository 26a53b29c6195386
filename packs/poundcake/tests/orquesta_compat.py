"""Lets orquesta 1.2.0, which is of 2020, run on a Python of today: import it before anything of orquesta."""

from __future__ import annotations

import collections
import collections.abc
import fractions
import inspect
import math
import re
from typing import Any

for name in ("Callable", "Iterable", "Mapping", "MutableMapping", "MutableSequence", "MutableSet", "Sequence", "Set"):
    setattr(collections, name, getattr(collections.abc, name))
setattr(fractions, "gcd", math.gcd)  # noqa: B010
setattr(inspect, "getargspec", inspect.getfullargspec)  # noqa: B010

# Flags within an expression have to be at its start.
COMPILE = re.compile
FLAGS = COMPILE(r"\(\?[aiLmsux]+\)")


def with_leading_flags(pattern: Any, flags: int = 0) -> Any:
    if isinstance(pattern, str):
        pattern = "".join(FLAGS.findall(pattern)) + FLAGS.sub("", pattern)
    return COMPILE(pattern, flags)


re.compile = with_leading_flags
re.findall = lambda pattern, text, flags=0: with_leading_flags(pattern, flags).findall(text)
re.search = lambda pattern, text, flags=0: with_leading_flags(pattern, flags).search(text)
re.match = lambda pattern, text, flags=0: with_leading_flags(pattern, flags).match(text)
