"""An instant query."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from lib.base import PackAction
from lib.errors import ActionError
from lib.matchers import as_it_is, chosen, selector

PLACE = "$labels"


class PrometheusQuery(PackAction):
    def act(
        self,
        query: str,
        labels: Optional[Dict[str, Any]] = None,
        only: Optional[List[str]] = None,
        time: Optional[str] = None,
        single: bool = False,
    ) -> Tuple[bool, Any]:
        form = {"query": with_labels(query, labels or {}, only)}
        if time:
            form["time"] = time
        data = self.prometheus().post_form("/api/v1/query", form)["data"]
        samples = data["result"] if data["resultType"] == "vector" else []
        if single and len(samples) != 1:
            raise ActionError(f"the query {form['query']} has {len(samples)} samples, not one")
        value = float(samples[0]["value"][1]) if len(samples) == 1 else None
        return True, {"query": form["query"], "type": data["resultType"], "result": data["result"], "value": value}


def with_labels(query: str, labels: Dict[str, Any], only: Optional[List[str]]) -> str:
    """Puts matchers in the place of `$labels`. Their values are quoted, so alert text cannot change the query."""
    picked = {name: value for name, value in chosen(labels, only).items() if as_it_is(value)}
    return query.replace(PLACE, selector(picked)) if PLACE in query else query
