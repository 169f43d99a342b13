"""Alerts of the Microsoft Graph security API: what Microsoft's products raised, one object for each alert."""

SCHEMAS = ("ms.graph.alert", "ms.graph.alert1")

_ALERT = frozenset({"id", "title", "severity", "createdDateTime"})


def schema_of(record: dict[str, object]) -> str | None:
    """An alert names its service; one of the legacy API names its vendor."""
    if not record.keys() >= _ALERT:
        return None
    service = record.get("serviceSource")
    if isinstance(service, str) and service:
        return "ms.graph.alert"
    vendor = record.get("vendorInformation")
    return "ms.graph.alert1" if isinstance(vendor, dict) and "azureTenantId" in record else None
