"""Runs one Python action of a pack as StackStorm's runner `python-script` does.

Reads a JSON document from standard input, and writes what the action returned to standard output, between two
delimiters. What an action imports of StackStorm is here in the smallest form: `st2common.runners.base_action.Action`.
"""

import importlib.util
import inspect
import json
import logging
import os
import sys
import types

DELIMITER = "%%%%%~=~=~=************=~=~=~%%%%"


class Action:
    """StackStorm's base class of Python actions: its configuration, its logger."""

    def __init__(self, config=None, action_service=None):
        self.config = config or {}
        self.action_service = action_service
        self.logger = logging.getLogger("st2.action." + self.__class__.__name__)

    def run(self, **kwargs):
        raise NotImplementedError


def provide_st2common():
    names = ("st2common", "st2common.runners", "st2common.runners.base_action")
    for name in names:
        sys.modules[name] = types.ModuleType(name)
    sys.modules[names[-1]].Action = Action


def load(path):
    """The action's class: the one of this file, not one that it imports."""
    actions = os.path.dirname(path)
    # As StackStorm does: a module in `lib` hides one of Python's, a module next to the action does not.
    sys.path.insert(0, os.path.join(actions, "lib"))
    sys.path.append(actions)
    spec = importlib.util.spec_from_file_location("action", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["action"] = module
    spec.loader.exec_module(module)

    def own(kind):
        return inspect.isclass(kind) and issubclass(kind, Action) and kind.__module__ == "action"

    classes = [kind for _, kind in inspect.getmembers(module, own)]
    if not classes:
        raise Exception(f'File "{path}" has no action class or the file doesn\'t exist.')
    return classes[0]


def main():
    # The stand-in's own directory is none of the action's.
    sys.path[:] = [path for path in sys.path if path]
    order = json.load(sys.stdin)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(levelname)-8s %(message)s")
    provide_st2common()
    output = load(order["file"])(config=order["config"], action_service=None).run(**order["parameters"])
    status, result = output if isinstance(output, tuple) and len(output) == 2 else (None, output)
    if status is not None and not isinstance(status, bool):
        sys.exit(f"Status returned from the action run() method must either be True or False, got: {status}")
    sys.stdout.write(DELIMITER + json.dumps({"result": result, "status": status}) + "\n" + DELIMITER)


main()
