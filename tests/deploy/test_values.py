"""Each value of the chart does something, and a key that does not exist is refused."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

from conftest import CHART, EVERYTHING, MINIMAL, ROOT, pods

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
BASES = {
    "minimal": [MINIMAL],
    "with a digest": [MINIMAL, {"image": {"digest": "sha256:" + "1" * 64}}],
    "everything": [EVERYTHING],
}


def resolved(schema):
    reference = schema.get("$ref")
    return SCHEMA["definitions"][reference.rsplit("/", 1)[1]] if reference else schema


def leaves(schema, path=()):
    """(path, schema) of each value that has no keys of its own in the schema."""
    schema = resolved(schema)
    if "properties" in schema and "examples" not in schema:
        for key, inner in schema["properties"].items():
            yield from leaves(inner, (*path, key))
    elif path != ("global",):
        yield path, schema


def objects(schema, path=()):
    """The path of each object that lists its keys; a number in a path is a place in a list."""
    schema = resolved(schema)
    if "properties" in schema:
        yield path
        for key, inner in schema["properties"].items():
            yield from objects(inner, (*path, key))
    if "items" in schema:
        yield from objects(schema["items"], (*path, 0))


def at(path, value):
    for key in reversed(path):
        value = [value] if key == 0 else {key: value}
    return value


def in_parallel(work, items):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(work, items))


def test_changing_each_value_changes_the_output(chart):
    before = {name: chart.render(*values).stdout for name, values in BASES.items()}

    def changes(leaf):
        path, schema = leaf
        examples = schema["examples"]
        for name, values in BASES.items():
            for example in examples:
                if chart.render(*values, at(path, example)).stdout != before[name]:
                    return None
        return ".".join(path)

    all_leaves = list(leaves(SCHEMA))
    assert len(all_leaves) > 150
    assert [name for name in in_parallel(changes, all_leaves) if name] == []


def test_an_unknown_key_is_refused_everywhere(chart):
    def accepted(path):
        done = chart.render(MINIMAL, at((*path, "unknown"), "x"), check=False)
        refused = done.returncode != 0 and "additional properties 'unknown' not allowed" in done.stderr
        return None if refused else ".".join(map(str, path)) + f": {done.stderr}"

    paths = [path for path in objects(SCHEMA) if path[:1] not in (("global",), ("definitions",))]
    # tlsConfig's parts and affinity's are Kubernetes' own and open.
    assert len(paths) > 50
    assert [path for path in in_parallel(accepted, paths) if path] == []


def test_a_value_of_another_type_is_refused(chart):
    for wrong in ({"ingest": {"replicas": "two"}}, {"settings": {"POUNDCAKE_LEASE": 120}}, {"migrate": {"mode": "on"}}):
        assert chart.render(MINIMAL, wrong, check=False).returncode != 0, wrong


def test_nothing_renders_without_the_address_of_stackstorm(chart):
    assert "/settings/ST2_API_URL" in chart.render(check=False).stderr


def test_every_setting_of_the_docs_can_be_set(chart):
    table = (ROOT / "docs/configuration.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z0-9_]+)`", table, re.M))
    own = {
        variable["name"]
        for pod in pods(chart.objects(EVERYTHING)).values()
        for variable in pod["containers"][0]["env"]
    }
    in_values = set(SCHEMA["properties"]["settings"]["properties"])
    # Secrets are files: the variables that would hold one themselves are not for Kubernetes.
    inline = {name.removesuffix("_FILE") for name in documented if name.endswith("_FILE")}
    assert documented - in_values - own - inline == set()
    assert in_values - documented == {"RUST_BACKTRACE"}
    assert in_values & inline == set()
