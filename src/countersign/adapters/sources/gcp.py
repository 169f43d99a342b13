"""Google Cloud audit logs: entries of Cloud Logging whose payload is an AuditLog."""

SCHEMAS = ("gcp.audit",)

_PAYLOADS = ("protoPayload", "protopayload_auditlog", "protopayload")
_TYPES = ("@type", "at_sign_type")
_MARKS = ("methodName", "authenticationInfo", "authorizationInfo")


def schema_of(record: dict[str, object]) -> str | None:
    """A payload that calls itself an AuditLog, or has a part that only an AuditLog has."""
    for name in _PAYLOADS:
        payload = record.get(name)
        if isinstance(payload, dict):
            told = next((payload[key] for key in _TYPES if key in payload), None)
            if isinstance(told, str):
                return "gcp.audit" if told.endswith(".audit.AuditLog") else None
            return "gcp.audit" if any(mark in payload for mark in _MARKS) else None
    return None
