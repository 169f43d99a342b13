"""OCSF: events that a product or a pipeline translated into the Open Cybersecurity Schema Framework.

One schema for each class. A name goes before a number, because one number (3005) changed its meaning after
the first candidate. A class without a dictionary of its own is `ocsf.base_event`.
"""

CLASSES = {
    1001: "file_activity",
    1007: "process_activity",
    2001: "security_finding",
    2002: "vulnerability_finding",
    2003: "compliance_finding",
    2004: "detection_finding",
    2005: "incident_finding",
    2006: "data_security_finding",
    3001: "account_change",
    3002: "authentication",
    3004: "entity_management",
    3005: "user_access",
    3006: "group_management",
    4001: "network_activity",
    4002: "http_activity",
    4003: "dns_activity",
    4005: "rdp_activity",
    4007: "ssh_activity",
    4008: "ftp_activity",
    4009: "email_activity",
    6003: "api_activity",
}
OTHER = "base_event"
SCHEMAS = (*(f"ocsf.{name}" for name in CLASSES.values()), f"ocsf.{OTHER}")

_NAMED = {name.replace("_", " "): name for name in CLASSES.values()} | {
    "file system activity": "file_activity",
    "user access management": "user_access",
    "detection findings": "detection_finding",
}
_MARKS = ("category_uid", "activity_id", "type_uid", "severity_id")


def schema_of(record: dict[str, object]) -> str | None:
    """A class number, who wrote it, and two of the other numbers that every event has."""
    number = record.get("class_uid")
    if type(number) is not int or not isinstance(record.get("metadata"), dict):
        return None
    if sum(mark in record for mark in _MARKS) < 2:
        return None
    named = _NAMED.get(str(record.get("class_name")).lower().replace("_", " "))
    return f"ocsf.{named or CLASSES.get(number, OTHER)}"
