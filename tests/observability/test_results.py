"""Every expression of the dashboards has a result where every metric has values, from two processes."""

import itertools
import json
import re
import subprocess

import yaml
from table import ROOT, metrics
from test_dashboards import GRAPHS, expressions

HISTOGRAM = [("_bucket", {"le": "0.1"}), ("_bucket", {"le": "+Inf"}), ("_sum", {}), ("_count", {})]
INSTANCES = [{"job": "poundcake-ingest", "instance": "a:8000"}, {"job": "poundcake-tracker", "instance": "b:8002"}]


def values_of(label, found):
    """The values of a label that some expression asks for, and another one."""
    quoted = re.findall(rf'\b{label}(?:=~|=)"([^"]*)"', " ".join(found))
    return sorted({value for text in quoted for value in text.split("|") if re.fullmatch(r"\w+", value)} | {"other"})


def series(found):
    for name, (labels, is_histogram) in metrics().items():
        choices = itertools.product(*(values_of(label, found) for label in sorted(labels)))
        for chosen, instance in itertools.product(choices, INSTANCES):
            for part, more in HISTOGRAM if is_histogram else [("", {})]:
                pairs = {**dict(zip(sorted(labels), chosen, strict=True)), **instance, **more}
                yield name + part, pairs
    for instance in INSTANCES:
        yield "up", instance


def test_every_expression_has_a_result(tmp_path):
    found = sorted({e for _, panel in GRAPHS for e in expressions(panel)})
    written = [
        {"series": name + "{" + ", ".join(f"{k}={json.dumps(v)}" for k, v in pairs.items()) + "}", "values": "0+1x40"}
        for name, pairs in series(found)
    ]
    # Each expectation is wrong, so promtool names each expression that has a result, and each that fails.
    wrong = [{"expr": e, "eval_time": "9m", "exp_samples": []} for e in found]
    tests = {"tests": [{"interval": "15s", "input_series": written, "promql_expr_test": wrong}]}
    path = tmp_path / "dashboards.yml"
    path.write_text(yaml.safe_dump(tests), encoding="utf-8")
    done = subprocess.run(
        ["promtool", "test", "rules", str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    output = (done.stdout + done.stderr).replace("\\u003e", ">")
    answered = {json.loads(text) for text in re.findall(r'expr: (".*"), time', output)}
    assert set(found) - answered == set()
    assert re.findall(r"err: .*", output) == []
