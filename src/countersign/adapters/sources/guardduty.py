"""AWS GuardDuty: what Amazon's detector raised, in three spellings.

Exports to storage write lower camel case, the API and the command line upper camel case, and EventBridge
puts the first inside an envelope, as `detail`.
"""

SCHEMAS = ("aws.guardduty", "aws.guardduty.api", "aws.guardduty.event")


def schema_of(record: dict[str, object]) -> str | None:
    """A finding says that GuardDuty made it: by its service, or by its ARN."""
    if _is_finding(record, "schemaVersion", "service", "serviceName", "arn"):
        return "aws.guardduty"
    if _is_finding(record, "SchemaVersion", "Service", "ServiceName", "Arn"):
        return "aws.guardduty.api"
    inside = record.get("detail-type") == "GuardDuty Finding" and record.get("source") == "aws.guardduty"
    return "aws.guardduty.event" if inside and isinstance(record.get("detail"), dict) else None


def _is_finding(record: dict[str, object], version: str, service: str, name: str, arn: str) -> bool:
    block = record.get(service)
    if version not in record or not isinstance(block, dict):
        return False
    called = record.get(arn)
    named = isinstance(called, str) and ":guardduty:" in called and "/finding/" in called
    return named or block.get(name) == "guardduty"
