#!/usr/bin/env python3
"""Holds packs to StackStorm's rules: metadata, and everything that refers to something else.

Each YAML file is held to StackStorm's schema of its kind (`pack_schemas.py`). Then: entry points exist and are Python
3.8, an action's `act` takes what its metadata declares, workflows and rules pass parameters that the actions declare,
aliases and policies name what exists, the example configuration fits its schema, the version is in CHANGES.md.

Needs PyYAML and jsonschema. Usage: tests/lint/packs.py PACK_DIRECTORY... (the first one is checked as for the Exchange)
"""

import ast
import re
import struct
import sys
from pathlib import Path

import jsonschema
import pack_schemas as schemas
import yaml

CORE = Path(__file__).resolve().parents[2] / "crates" / "st2-stand-in" / "packs" / "core"
KINDS = {"actions": schemas.ACTION, "rules": schemas.RULE, "policies": schemas.POLICY, "aliases": schemas.ALIAS}
# What the runners declare, so that a task may give it.
RUNNERS = {
    "remote-shell-cmd": ["hosts", "cmd", "env", "cwd", "timeout", "sudo", "username", "parallel"],
    "local-shell-cmd": ["cmd", "env", "cwd", "timeout", "sudo"],
    "python-script": ["env", "timeout", "log_level"],
}
RUNNER_REQUIRED = {"remote-shell-cmd": ["hosts"]}
EXCHANGE_FILES = ["LICENSE", "README.md", "CHANGES.md", "requirements.txt", "icon.png", "config.schema.yaml"]


class Pack:
    """A pack's files, read."""

    def __init__(self, directory):
        self.directory = directory
        self.meta = read(directory / "pack.yaml")
        self.ref = self.meta.get("ref") or self.meta["name"]
        self.files = {kind: {path: read(path) for path in sorted((directory / kind).glob("*.yaml"))} for kind in KINDS}


def read(path):
    return yaml.safe_load(path.read_text())


def held(schema, value):
    """What a schema says against a value."""
    for error in jsonschema.Draft4Validator(schema).iter_errors(value):
        place = ".".join(map(str, error.absolute_path))
        yield f"{place}: {error.message}" if place else error.message


def actions_of(packs):
    found = {}
    for pack in packs:
        for path, action in pack.files["actions"].items():
            found[f"{pack.ref}.{action['name']}"] = (pack, path, action)
    return found


def declared(action):
    """Parameters that may be given, and those that must be."""
    own = action.get("parameters") or {}
    runner = action["runner_type"]
    may = set(own) | set(RUNNERS.get(runner, []))
    must = {name for name, one in own.items() if one.get("required") and "default" not in one}
    return may - {name for name, one in own.items() if one.get("immutable")}, must | set(
        RUNNER_REQUIRED.get(runner, [])
    )


def call(actions, reference, given):
    """What is wrong with calling an action with these parameters."""
    if reference not in actions:
        yield f"there is no action {reference}"
        return
    may, must = declared(actions[reference][2])
    for name in sorted(set(given) - may):
        yield f"{reference} has no parameter {name}"
    for name in sorted(must - set(given)):
        yield f"{reference} needs the parameter {name}"


def action(pack, path, value, actions):
    if path.stem != value["name"]:
        yield f"the file is not called {value['name']}.yaml"
    positions = sorted(one["position"] for one in (value.get("parameters") or {}).values() if "position" in one)
    if positions != list(range(len(positions))):
        yield f"positions are {positions}, not 0, 1, 2 …"
    for name, one in (value.get("parameters") or {}).items():
        if one.get("required") and one.get("default") is not None and not one.get("immutable"):
            yield f"{name} is required and has a default"
        if "default" in one and one.get("type") and not one.get("immutable"):
            for error in held({"type": one["type"]}, one["default"]):
                yield f"default of {name}: {error}"
    entry = pack.directory / "actions" / value["entry_point"]
    runner = value["runner_type"]
    if runner in ("python-script", "orquesta", "action-chain"):
        if not entry.is_file():
            yield f"entry_point {value['entry_point']} is missing"
            return
        checks = {"python-script": python, "orquesta": workflow, "action-chain": chain}
        for error in checks[runner](entry, value, actions):
            yield f"{value['entry_point']}: {error}"


def python(entry, value, _actions):
    """The arguments of `act` are the declared parameters; `**` takes any."""
    tree = ast.parse(entry.read_text(), feature_version=(3, 8))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    methods = [node for one in classes for node in one.body if isinstance(node, ast.FunctionDef) and node.name == "act"]
    if len(classes) != 1 or len(methods) != 1:
        yield "one class with one method act is needed"
        return
    arguments = methods[0].args
    names = [argument.arg for argument in arguments.args[1:]]
    without_default = names[: len(names) - len(arguments.defaults)]
    # Those of the runner may be given another default; they do not reach the action.
    own = (value.get("parameters") or {}).items()
    parameters = {name: one for name, one in own if name not in RUNNERS["python-script"]}
    if not arguments.kwarg and set(names) != set(parameters):
        yield f"act takes {sorted(names)}, the metadata declares {sorted(parameters)}"
    for name in without_default:
        if not parameters.get(name, {}).get("required"):
            yield f"act needs {name}, which is not required in the metadata"


def workflow(entry, value, actions):
    definition = read(entry)
    yield from held(schemas.WORKFLOW, definition)
    inputs = [next(iter(one)) if isinstance(one, dict) else one for one in definition.get("input", [])]
    parameters = value.get("parameters") or {}
    if set(inputs) != set(parameters):
        yield f"input is {sorted(inputs)}, the metadata declares {sorted(parameters)}"
    known = set(inputs) | {name for one in definition.get("vars", []) for name in one}
    for name, task in definition["tasks"].items():
        reference, _, inline = task["action"].partition(" ")
        given = set(task.get("input", {})) | set(re.findall(r"(\w+)=", inline)[:1])
        yield from (f"{name}: {error}" for error in call(actions, reference, given))
        for step in task.get("next", []):
            if isinstance(step.get("publish"), list):
                known |= {key for one in step["publish"] for key in one}
            elif step.get("publish"):
                known.add(step["publish"].partition("=")[0].strip())
    for name in re.findall(r"ctx\(\)?\.?(\w+)", entry.read_text()):
        if name not in known:
            yield f"ctx({name}) is set nowhere"


def chain(entry, value, actions):
    definition = read(entry)
    yield from held(schemas.CHAIN, definition)
    names = [node["name"] for node in definition["chain"]]
    known = set(names) | set(value.get("parameters") or {})
    for node in definition["chain"]:
        yield from (f"{node['name']}: {error}" for error in call(actions, node["ref"], node.get("parameters", {})))
        for text in re.findall(r"{{\s*(\w+)", str(node.get("parameters", {}))):
            if text not in known:
                yield f"{node['name']}: {text} is neither a parameter nor a node"
        for way in ("on-success", "on-failure"):
            if node.get(way) and node[way] not in names:
                yield f"{node['name']}: {way} names no node"


def rule(_pack, _path, value, actions):
    yield from call(actions, value["action"]["ref"], value["action"].get("parameters", {}))


def policy(_pack, _path, value, actions):
    target = actions.get(value["resource_ref"])
    if not target:
        yield f"there is no action {value['resource_ref']}"
    elif value["policy_type"] == "action.concurrency.attr":
        yield from held(schemas.CONCURRENCY, value["parameters"])
        for name in set(value["parameters"]["attributes"]) - set(target[2].get("parameters") or {}):
            yield f"{value['resource_ref']} has no parameter {name}"


def alias(_pack, _path, value, actions):
    fixed = set(value.get("immutable_parameters", {}))
    for one in value["formats"]:
        for text in one["representation"] if isinstance(one, dict) else [one]:
            names = set(re.findall(r"{{\s*(\w+)", text))
            if names & fixed:
                yield f"{text}: {names & fixed} cannot be given"
            yield from (f"{text}: {error}" for error in call(actions, value["action_ref"], names | fixed))


def configuration(pack):
    """The schema, and the example."""
    path = pack.directory / "config.schema.yaml"
    if not path.exists():
        return
    schema = read(path)
    yield from held(schemas.PARAMETERS, schema)
    for name, one in schema.items():
        if re.search("token|password|key", name) and not one.get("secret"):
            yield f"{name} is not secret"
    example = read(pack.directory / f"{pack.ref}.yaml.example")
    for name, value in example.items():
        if name not in schema:
            yield f"the example has {name}, the schema does not"
        else:
            yield from held({"type": schema[name]["type"]}, value)


def modules(pack):
    """StackStorm puts `actions/lib` before Python's own path: a module there hides one of Python's."""
    for path in sorted(pack.directory.glob("actions/lib/*.py")):
        if path.stem in sys.stdlib_module_names or path.stem == "requests":
            yield f"{path.name} hides Python's own module {path.stem}"


def exchange(pack):
    """What the StackStorm Exchange wants."""
    for name in EXCHANGE_FILES:
        if not (pack.directory / name).is_file():
            yield f"{name} is missing"
    if "Apache License" not in (pack.directory / "LICENSE").read_text():
        yield "LICENSE is not the Apache licence"
    if f"## {pack.meta['version']}" not in (pack.directory / "CHANGES.md").read_text():
        yield f"CHANGES.md has no version {pack.meta['version']}"
    head = (pack.directory / "icon.png").read_bytes()[:24]
    if head[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">II", head[16:24]) != (64, 64):
        yield "icon.png is not a PNG of 64 x 64"


def check(packs, actions):
    kinds = {"actions": action, "rules": rule, "policies": policy, "aliases": alias}
    for at, pack in enumerate(packs):
        if pack.directory == CORE:
            continue
        schema = schemas.PACK if at == 0 else {**schemas.PACK, "required": ["name", "version"]}
        yield from ((pack.directory / "pack.yaml", error) for error in held(schema, pack.meta))
        yield from ((pack.directory / "config.schema.yaml", error) for error in configuration(pack))
        yield from ((pack.directory / "actions", error) for error in modules(pack))
        if at == 0:
            yield from ((pack.directory, error) for error in exchange(pack))
        for kind, further in kinds.items():
            for path, value in pack.files[kind].items():
                errors = list(held(KINDS[kind], value))
                if value.get("pack", pack.ref) != pack.ref:
                    errors.append(f"pack is {value['pack']}")
                yield from ((path, error) for error in errors or further(pack, path, value, actions))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    packs = [Pack(Path(name).resolve()) for name in sys.argv[1:]] + [Pack(CORE)]
    wrong = list(check(packs, actions_of(packs)))
    for path, error in wrong:
        print(f"{path}: {error}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
