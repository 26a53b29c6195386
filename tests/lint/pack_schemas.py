"""StackStorm's rules for the files of a pack, as JSON schemas: what `st2 pack install` and the Exchange refuse."""

NAME = r"^\w+$"
REFERENCE = r"^[a-z0-9_]+\.[\w.]+$"
TEXT = {"type": "string"}
PARAMETER_TYPES = ["string", "number", "integer", "boolean", "array", "object", "null"]


def closed(required, /, **properties):
    """A map of exactly these members."""
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


PARAMETER = closed(
    [],
    type={"enum": PARAMETER_TYPES},
    description=TEXT,
    default={},
    required={"type": "boolean"},
    secret={"type": "boolean"},
    immutable={"type": "boolean"},
    enum={"type": "array", "minItems": 1, "uniqueItems": True},
    position={"type": "integer", "minimum": 0},
    items={"type": "object"},
    properties={"type": "object"},
    pattern=TEXT,
    minimum={"type": "number"},
    maximum={"type": "number"},
)
PARAMETERS = {"type": "object", "patternProperties": {NAME: PARAMETER}, "additionalProperties": False}

PACK = closed(
    ["name", "ref", "description", "version", "author", "email", "python_versions", "stackstorm_version"],
    name=TEXT,
    ref={"type": "string", "pattern": r"^[a-z0-9_]+$"},
    description=TEXT,
    keywords={"type": "array", "items": TEXT, "minItems": 1},
    version={"type": "string", "pattern": r"^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)$"},
    stackstorm_version={"type": "string", "pattern": r"^((>?>|>=|=|<=|<?<)\s*[0-9]+\.[0-9]+\.[0-9]+)(\s*,\s*\S+)?$"},
    python_versions={"type": "array", "items": {"enum": ["2", "3"]}, "minItems": 1, "maxItems": 2, "uniqueItems": True},
    author=TEXT,
    email={"type": "string", "pattern": r"^[^@\s]+@[^@\s]+\.[^@\s]+$"},
    contributors={"type": "array", "items": {"type": "string", "maxLength": 100}},
    dependencies={"type": "array", "items": TEXT},
    system={"type": "object"},
)

ACTION = closed(
    ["name", "runner_type", "description", "enabled", "entry_point"],
    name={"type": "string", "pattern": NAME},
    pack=TEXT,
    description={"type": "string", "minLength": 1},
    enabled={"type": "boolean"},
    runner_type={"enum": ["python-script", "orquesta", "action-chain", "local-shell-cmd", "remote-shell-cmd", "noop"]},
    entry_point=TEXT,
    parameters=PARAMETERS,
    output_schema={"type": "object"},
    notify={"type": "object"},
    tags={"type": "array"},
)

CRITERION = closed(["type"], type=TEXT, pattern={}, condition=TEXT)
RULE = closed(
    ["name", "trigger", "action", "description", "enabled"],
    name={"type": "string", "pattern": NAME},
    pack=TEXT,
    description=TEXT,
    enabled={"type": "boolean"},
    type=closed(["ref"], ref=TEXT, parameters={"type": "object"}),
    trigger=closed(["type"], type=TEXT, parameters={"type": "object"}),
    criteria={
        "type": "object",
        "patternProperties": {r"^trigger(\.\w+)+$": CRITERION},
        "additionalProperties": False,
    },
    action=closed(["ref"], ref={"type": "string", "pattern": REFERENCE}, parameters={"type": "object"}),
    tags={"type": "array"},
)

POLICY = closed(
    ["name", "resource_ref", "policy_type", "parameters", "enabled"],
    name={"type": "string", "pattern": r"^[\w.]+$"},
    pack=TEXT,
    description=TEXT,
    enabled={"type": "boolean"},
    resource_ref={"type": "string", "pattern": REFERENCE},
    policy_type={"enum": ["action.concurrency", "action.concurrency.attr", "action.retry"]},
    parameters={"type": "object"},
)
CONCURRENCY = closed(
    ["threshold", "attributes"],
    action={"enum": ["delay", "cancel"]},
    threshold={"type": "integer", "minimum": 1},
    attributes={"type": "array", "items": TEXT, "minItems": 1},
)

FORMAT = closed(
    ["display", "representation"], display=TEXT, representation={"type": "array", "items": TEXT, "minItems": 1}
)
ALIAS = closed(
    ["name", "action_ref", "formats", "description", "enabled"],
    name={"type": "string", "pattern": NAME},
    pack=TEXT,
    description=TEXT,
    enabled={"type": "boolean"},
    action_ref={"type": "string", "pattern": REFERENCE},
    formats={"type": "array", "minItems": 1, "items": {"anyOf": [TEXT, FORMAT]}},
    ack=closed([], enabled={"type": "boolean"}, format=TEXT, append_url={"type": "boolean"}, extra={"type": "object"}),
    result=closed([], enabled={"type": "boolean"}, format=TEXT, extra={"type": "object"}),
    immutable_parameters={"type": "object"},
    extra={"type": "object"},
)

NEXT = closed([], when=TEXT, publish={"type": ["string", "array"]}, do={"type": ["string", "array"]})
TASK = closed(["action"], action=TEXT, input={"type": "object"}, next={"type": "array", "items": NEXT})
WORKFLOW = closed(
    ["version", "tasks"],
    version={"enum": [1.0, "1.0"]},
    description=TEXT,
    input={"type": "array"},
    vars={"type": "array", "items": {"type": "object", "maxProperties": 1}},
    output={"type": "array", "items": {"type": "object", "maxProperties": 1}},
    tasks={"type": "object", "patternProperties": {NAME: TASK}, "additionalProperties": False},
)

NODE = closed(
    ["name", "ref"],
    name=TEXT,
    ref=TEXT,
    parameters={"type": "object"},
    publish={"type": "object"},
    **{"on-success": TEXT, "on-failure": TEXT},
)
CHAIN = closed(["chain", "default"], chain={"type": "array", "items": NODE, "minItems": 1}, default=TEXT)
