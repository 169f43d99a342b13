"""Windows events as JSON: flat, as winlogbeat and NXLog write them, or nested, as EVTX converters do."""

SCHEMAS = ("windows.event",)


def schema_of(record: dict[str, object]) -> str | None:
    """`EventID` beside where it was logged, or `Event.System.EventID`."""
    if "EventID" in record:
        logged = "Channel" in record or "SourceName" in record or "ProviderName" in record
        return "windows.event" if logged or "ProviderGuid" in record else None
    event = record.get("Event")
    if isinstance(event, dict):
        system = event.get("System")
        return "windows.event" if isinstance(system, dict) and "EventID" in system else None
    return None
