"""AWS CloudTrail: calls to the cloud's own interfaces."""

SCHEMAS = ("aws.cloudtrail",)


def schema_of(record: dict[str, object]) -> str | None:
    """Service, call and time, and a version or an event id."""
    if "eventSource" not in record or "eventName" not in record or "eventTime" not in record:
        return None
    return "aws.cloudtrail" if "eventVersion" in record or "eventID" in record else None
