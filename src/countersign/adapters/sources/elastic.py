"""Elastic: alerts of Elastic Security, and anything in the Elastic Common Schema (ECS).

Names come with dots (`event.kind`) or as nested objects, sometimes both in one document. An alert that
another product raised (`event.kind: alert`) is `ecs.alert`; everything else is telemetry, `ecs.event`.
"""

SCHEMAS = ("elastic.alert", "elastic.alert.nested", "elastic.signal", "ecs.event", "ecs.alert")

_PARTS = (
    "agent",
    "host",
    "source",
    "destination",
    "process",
    "user",
    "observer",
    "network",
    "winlog",
    "data_stream",
)


def schema_of(record: dict[str, object]) -> str | None:
    """A rule's name where Elastic Security keeps it; otherwise time and an ECS version, or time and a record kind."""
    if "kibana.alert.rule.name" in record:
        return "elastic.alert"
    if _at(record, "kibana", "alert", "rule", "name") is not None:
        return "elastic.alert.nested"
    if _at(record, "signal", "rule", "name") is not None:
        return "elastic.signal"
    return _common(record) if "@timestamp" in record else None


def _common(record: dict[str, object]) -> str | None:
    kind = record.get("event.kind", _at(record, "event", "kind"))
    version = record.get("ecs.version", _at(record, "ecs", "version"))
    if isinstance(kind, str) or isinstance(version, str):
        return "ecs.alert" if kind == "alert" else "ecs.event"
    return "ecs.event" if _beats(record) else None


def _beats(record: dict[str, object]) -> bool:
    """What a Beat ships without a version: its agent, and another part of the schema."""
    agent = record.get("agent.type", _at(record, "agent", "type"))
    heads = {key.partition(".")[0] for key in record}
    return isinstance(agent, str) and len(heads.intersection(_PARTS)) > 1


def _at(record: dict[str, object], *keys: str) -> object:
    here: object = record
    for key in keys:
        here = here.get(key) if isinstance(here, dict) else None
    return here
