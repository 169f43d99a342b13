"""Okta System Log: one record for each thing that happened in an organisation."""

SCHEMAS = ("okta.system",)


def schema_of(record: dict[str, object]) -> str | None:
    """`eventType` of several parts, `published`, who did it, and from where or with what result."""
    kind, actor = record.get("eventType"), record.get("actor")
    if not isinstance(kind, str) or "." not in kind or "published" not in record:
        return None
    if not isinstance(actor, dict) or not ("alternateId" in actor or "displayName" in actor):
        return None
    return "okta.system" if "client" in record or "outcome" in record or "legacyEventType" in record else None
