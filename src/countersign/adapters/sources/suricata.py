"""Suricata EVE: alerts, flows and protocol records of a network sensor."""

SCHEMAS = ("suricata.eve",)


def schema_of(record: dict[str, object]) -> str | None:
    """`event_type` and `timestamp`, and a flow or the part that the type names."""
    kind = record.get("event_type")
    if not isinstance(kind, str) or "timestamp" not in record:
        return None
    return "suricata.eve" if "flow_id" in record or kind in record or "src_ip" in record else None
