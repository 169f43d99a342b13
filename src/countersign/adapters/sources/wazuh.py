"""Wazuh: alerts (`alerts.json`), and what it archives without one (`archives.json`)."""

SCHEMAS = ("wazuh.alert",)


def schema_of(record: dict[str, object]) -> str | None:
    """A `manager` and a `location` beside the `rule` that fired, or beside the `decoder` and `full_log`."""
    manager = record.get("manager")
    if not isinstance(manager, dict) or "name" not in manager or "location" not in record:
        return None
    rule = record.get("rule")
    if isinstance(rule, dict):
        return "wazuh.alert" if "level" in rule and "id" in rule else None
    return "wazuh.alert" if "decoder" in record and "full_log" in record else None
