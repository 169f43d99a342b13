"""Microsoft Sentinel and Defender tables: rows as the query console, the API and exports write them.

`Type` names the table, but exports rename or lose it (the flattened target of an Entra record is also
called `Type`), so each table has a second mark. A row of a table that is not listed here has no schema.
"""

SCHEMAS = (
    "ms.SecurityEvent",
    "ms.Event",
    "ms.AuditLogs",
    "ms.OfficeActivity",
    "ms.DeviceEvents",
    "ms.IdentityDirectoryEvents",
    "ms.CloudAppEvents",
)

# Rows of Defender tables beside DeviceEvents share its columns; their action types tell them apart.
_OTHER_DEVICE_TABLES = frozenset(
    "ProcessCreated ImageLoaded FileCreated FileModified FileDeleted FileRenamed "
    "LogonSuccess LogonFailed LogonAttempted RegistryValueSet RegistryValueDeleted RegistryKeyCreated "
    "RegistryKeyDeleted RegistryKeyRenamed ConnectionSuccess ConnectionFailed ConnectionRequest "
    "ConnectionFound ConnectionAttempt ConnectionAcknowledged InboundConnectionAccepted "
    "InboundConnectionAttempt ListeningConnectionCreated".split()
)
_OTHER_IDENTITY_ACTIONS = ("Logon", "LDAP query", "SAMR query", "DNS query")


def schema_of(record: dict[str, object]) -> str | None:
    """The table this row is from."""
    if "TimeGenerated" not in record and "Timestamp" not in record:
        return None
    named = f"ms.{record.get('Type')}"
    if named in SCHEMAS:
        return named
    if isinstance(record.get("ActionType"), str):
        return _hunting_table(record, str(record["ActionType"]))
    if "EventID" in record and "Computer" in record:
        return "ms.Event" if "EventLog" in record else "ms.SecurityEvent"
    if "OperationName" in record and ("AADOperationType" in record or "LoggedByService" in record):
        return "ms.AuditLogs"
    return "ms.OfficeActivity" if "OfficeWorkload" in record and "Operation" in record else None


def _hunting_table(record: dict[str, object], action: str) -> str | None:
    """Exports of several tables in one file carry each other's columns, empty: a mark must have a value."""
    if record.get("Application") == "Active Directory":
        return None if action.startswith(_OTHER_IDENTITY_ACTIONS) else "ms.IdentityDirectoryEvents"
    if record.get("ApplicationId") or record.get("ActivityType"):
        return "ms.CloudAppEvents"
    return "ms.DeviceEvents" if record.get("DeviceId") and action not in _OTHER_DEVICE_TABLES else None
