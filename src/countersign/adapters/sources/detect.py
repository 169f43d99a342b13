"""Which schema a JSON record has: the rules of all formats, always in the same order.

A record is judged by its own content alone, never by its file's name or its neighbours, so the same
bytes have the same schema wherever they are read. An object that no rule knows is `json.unknown`.
"""

from countersign.adapters.sources import cloudtrail, eml, guardduty, microsoft, suricata, windows

UNKNOWN = "json.unknown"
MAIL = "email.rfc822"
RULES = (
    suricata.schema_of,
    cloudtrail.schema_of,
    microsoft.schema_of,  # before windows: a SecurityEvent row also has EventID and Channel
    windows.schema_of,
    guardduty.schema_of,
)
_FORMATS = (suricata, windows, microsoft, cloudtrail, guardduty, eml)
SCHEMAS = (*(schema for form in _FORMATS for schema in form.SCHEMAS), UNKNOWN)
PARSERS = {schema: "eml/1" if schema == MAIL else "json/1" for schema in SCHEMAS}


def schema_of(record: dict[str, object]) -> str:
    """The schema of a JSON object."""
    for rule in RULES:
        schema = rule(record)
        if schema is not None:
            return schema
    return UNKNOWN
