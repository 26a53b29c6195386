"""Schemas of the custom kinds that the chart makes, as far as it uses them: the Prometheus Operator's and KEDA's.

Written down from their documentation; a field that is not here is refused.
"""


def closed(properties, required=()):
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT = {"type": "integer", "minimum": 0}
METADATA = closed({"name": TEXT, "namespace": TEXT, "labels": TEXTS}, ["name", "namespace", "labels"])


def kind(spec):
    return closed({"apiVersion": TEXT, "kind": TEXT, "metadata": METADATA, "spec": spec}, ["metadata", "spec"])


def list_of(items):
    return {"type": "array", "minItems": 1, "items": items}


DURATION = {"type": "string", "pattern": r"^(\d+(ms|s|m|h|d))+$"}
EXPRESSION = closed(
    {"key": TEXT, "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist"]}, "values": list_of(TEXT)},
    ["key", "operator"],
)
SELECTOR = closed({"matchLabels": TEXTS, "matchExpressions": list_of(EXPRESSION)})
RELABELING = closed(
    {"sourceLabels": list_of(TEXT), "targetLabel": TEXT, "replacement": TEXT, "action": TEXT, "regex": TEXT}
)
TLS = closed({"insecureSkipVerify": {"type": "boolean"}, "serverName": TEXT, "ca": {"type": "object"}})
ENDPOINT = closed(
    {
        "port": TEXT,
        "path": TEXT,
        "scheme": {"enum": ["http", "https"]},
        "interval": DURATION,
        "tlsConfig": TLS,
        "relabelings": list_of(RELABELING),
    },
    ["port"],
)
RULE = {
    **closed({"alert": TEXT, "record": TEXT, "expr": TEXT, "for": DURATION, "labels": TEXTS, "annotations": TEXTS}),
    "required": ["expr"],
}
GROUP = closed({"name": TEXT, "interval": DURATION, "rules": list_of(RULE)}, ["name", "rules"])
TRIGGER = closed({"type": {"enum": ["prometheus"]}, "metadata": TEXTS}, ["type", "metadata"])

KINDS = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): kind(
        closed({"selector": SELECTOR, "endpoints": list_of(ENDPOINT)}, ["selector", "endpoints"])
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): kind(closed({"groups": list_of(GROUP)}, ["groups"])),
    ("keda.sh/v1alpha1", "ScaledObject"): kind(
        closed(
            {
                "scaleTargetRef": closed({"name": TEXT}, ["name"]),
                "minReplicaCount": COUNT,
                "maxReplicaCount": COUNT,
                "triggers": list_of(TRIGGER),
            },
            ["scaleTargetRef", "triggers"],
        )
    ),
}
