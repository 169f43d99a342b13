"""AWS GuardDuty: what Amazon's detector raised."""

SCHEMAS = ("aws.guardduty",)


def schema_of(record: dict[str, object]) -> str | None:
    """A schema version, and a service block that names GuardDuty."""
    service = record.get("service")
    if "schemaVersion" not in record or not isinstance(service, dict):
        return None
    return "aws.guardduty" if service.get("serviceName") == "guardduty" else None
