"""Microsoft Sentinel and Defender tables: rows as the query console, the API and exports write them.

`Type` names the table, but exports rename or lose it (the flattened target of an Entra record is also
called `Type`), so each table has a second mark: its action types, or columns that no other table has
together. Exports of several tables in one file carry each other's columns, empty: a mark must have a
value. A row of a table that is not listed here has no schema.
"""

SCHEMAS = (
    "ms.SecurityEvent",
    "ms.Event",
    "ms.AuditLogs",
    "ms.OfficeActivity",
    "ms.DeviceEvents",
    "ms.IdentityDirectoryEvents",
    "ms.CloudAppEvents",
    "ms.SecurityAlert",
    "ms.SecurityIncident",
    "ms.DeviceProcessEvents",
    "ms.DeviceNetworkEvents",
    "ms.DeviceFileEvents",
    "ms.DeviceRegistryEvents",
    "ms.DeviceLogonEvents",
    "ms.DeviceImageLoadEvents",
    "ms.AlertInfo",
    "ms.AlertEvidence",
    "ms.EmailEvents",
    "ms.EmailUrlInfo",
    "ms.EmailAttachmentInfo",
    "ms.UrlClickEvents",
    "ms.IdentityLogonEvents",
    "ms.IdentityQueryEvents",
    "ms.SigninLogs",
    "ms.AADNonInteractiveUserSignInLogs",
    "ms.AADUserRiskEvents",
    "ms.AzureActivity",
    "ms.AzureDiagnostics",
    "ms.BehaviorAnalytics",
    "ms.CommonSecurityLog",
    "ms.Syslog",
)
_NAMED = {schema.removeprefix("ms."): schema for schema in SCHEMAS}

# Tables of Defender for Endpoint share their columns; their action types tell them apart. Any other action is DeviceEvents'.
_DEVICE_ACTIONS = {
    action: schema
    for schema, actions in {
        "ms.DeviceProcessEvents": "ProcessCreated OpenProcess",
        "ms.DeviceImageLoadEvents": "ImageLoaded",
        "ms.DeviceFileEvents": "FileCreated FileModified FileDeleted FileRenamed",
        "ms.DeviceLogonEvents": "LogonSuccess LogonFailed LogonAttempted",
        "ms.DeviceRegistryEvents": "RegistryValueSet RegistryValueDeleted RegistryKeyCreated "
        "RegistryKeyDeleted RegistryKeyRenamed",
        "ms.DeviceNetworkEvents": "ConnectionSuccess ConnectionFailed ConnectionRequest ConnectionFound "
        "ConnectionAttempt ConnectionAcknowledged InboundConnectionAccepted InboundConnectionAttempt "
        "ListeningConnectionCreated NetworkSignatureInspected",
    }.items()
    for action in actions.split()
}
_INSPECTED = "ConnectionInspected"
_AGGREGATED = "AggregatedReport"
_QUERIES = ("LDAP query", "SAMR query", "DNS query")

# Asked in this order: the first table all of whose columns have a value.
_COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ms.SecurityAlert", ("SystemAlertId", "AlertSeverity", "ProviderName")),
    ("ms.SecurityIncident", ("IncidentName", "IncidentNumber", "AlertIds", "Severity")),
    ("ms.AlertEvidence", ("AlertId", "EntityType", "EvidenceRole")),
    ("ms.AlertInfo", ("AlertId", "Title", "ServiceSource", "Severity")),
    ("ms.EmailEvents", ("NetworkMessageId", "RecipientEmailAddress", "EmailDirection")),
    ("ms.EmailAttachmentInfo", ("NetworkMessageId", "RecipientEmailAddress", "FileName")),
    ("ms.EmailUrlInfo", ("NetworkMessageId", "Url", "UrlDomain")),
    ("ms.AADUserRiskEvents", ("RiskEventType", "RiskLevel", "DetectedDateTime")),
    ("ms.SigninLogs", ("ResultType", "AppDisplayName", "ConditionalAccessStatus")),
    ("ms.AzureActivity", ("OperationNameValue", "ActivityStatusValue")),
    ("ms.AzureActivity", ("OperationName", "ActivityStatus", "Caller")),
    ("ms.CommonSecurityLog", ("DeviceVendor", "DeviceProduct", "DeviceEventClassID")),
    ("ms.Syslog", ("SyslogMessage", "Facility", "SeverityLevel")),
    ("ms.AzureDiagnostics", ("ResourceProvider", "ResourceType", "Category", "OperationName")),
)


def schema_of(record: dict[str, object]) -> str | None:
    """The table this row is from."""
    if "TimeGenerated" not in record and "Timestamp" not in record:
        return None
    named = record.get("Type")
    if isinstance(named, str) and named in _NAMED:
        return _NAMED[named]
    action = record.get("ActionType")
    if isinstance(action, str):
        return _hunting_table(record, action)
    if "EventID" in record and "Computer" in record:
        return "ms.Event" if "EventLog" in record else "ms.SecurityEvent"
    if "OperationName" in record and ("AADOperationType" in record or "LoggedByService" in record):
        return "ms.AuditLogs"
    if "OfficeWorkload" in record and "Operation" in record:
        return "ms.OfficeActivity"
    return _table_of_columns(record)


def _hunting_table(record: dict[str, object], action: str) -> str | None:
    """The table of a row that tells of an action."""
    if record.get("UsersInsights") and record.get("ActivityInsights"):
        return "ms.BehaviorAnalytics"
    if record.get("Url") and record.get("Workload"):
        return "ms.UrlClickEvents"
    if record.get("Application") == "Active Directory":
        return _directory_table(action)
    if record.get("LogonType") and record.get("Application") and action.startswith("Logon"):
        return "ms.IdentityLogonEvents"
    if record.get("ApplicationId") or record.get("ActivityType"):
        return "ms.CloudAppEvents"
    return _device_table(action) if record.get("DeviceId") else None


def _directory_table(action: str) -> str:
    if action.startswith(_QUERIES):
        return "ms.IdentityQueryEvents"
    return "ms.IdentityLogonEvents" if action.startswith("Logon") else "ms.IdentityDirectoryEvents"


def _device_table(action: str) -> str:
    if action.endswith(_INSPECTED):
        return "ms.DeviceNetworkEvents"
    return _DEVICE_ACTIONS.get(action.removesuffix(_AGGREGATED), "ms.DeviceEvents")


def _table_of_columns(record: dict[str, object]) -> str | None:
    for schema, columns in _COLUMNS:
        if all(record.get(column) not in (None, "") for column in columns):
            unattended = (
                schema == "ms.SigninLogs" and record.get("Category") == "NonInteractiveUserSignInLogs"
            )
            return "ms.AADNonInteractiveUserSignInLogs" if unattended else schema
    return None
