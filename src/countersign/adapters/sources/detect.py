"""Which schema a JSON record has: the rules of all formats, always in the same order.

A record is judged by its own content alone, never by its file's name or its neighbours, so the same
bytes have the same schema wherever they are read. An object that no rule knows is `json.unknown`.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from countersign.adapters.sources import (
    auditd,
    cloudtrail,
    elastic,
    eml,
    evtx,
    gcp,
    github,
    guardduty,
    kubernetes,
    microsoft,
    msgraph,
    ocsf,
    okta,
    suricata,
    syslog,
    wazuh,
    windows,
    zeek,
    zeek_tsv,
)
from countersign.core.records.evidence import Incoming, Quarantined, Skipped

UNKNOWN = "json.unknown"
MAIL = "email.rfc822"
RULES = (
    suricata.schema_of,
    cloudtrail.schema_of,
    microsoft.schema_of,  # before windows: a SecurityEvent row also has EventID and Channel
    windows.schema_of,
    guardduty.schema_of,
    msgraph.schema_of,
    gcp.schema_of,
    github.schema_of,
    kubernetes.schema_of,
    zeek.schema_of,
    wazuh.schema_of,
    okta.schema_of,
    elastic.schema_of,
    ocsf.schema_of,
)
_FORMATS = (
    suricata,
    windows,
    microsoft,
    cloudtrail,
    guardduty,
    msgraph,
    gcp,
    github,
    kubernetes,
    zeek,
    wazuh,
    okta,
    elastic,
    ocsf,
    eml,
)


class Reader(Protocol):
    """A module that reads a format of its own (lines, tables, binary) out of a stream."""

    @property
    def SCHEMAS(self) -> tuple[str, ...]:  # noqa: N802 - a module's constant
        """The schemas that it reads."""

    def starts_like(self, head: bytes, file: str) -> bool:
        """Do the first 64 KB read as this format? The file's name is a hint, never enough for text."""

    def read(
        self, content: Iterator[bytes], file: str, schema: str | None
    ) -> Iterator[Incoming | Quarantined | Skipped]:
        """Everything in the stream; `schema` is the one that was asked for, None to go by content."""


# Asked in this order, after JSON, mail and packed files; the first that knows the head reads the file.
READERS: tuple[Reader, ...] = (evtx, zeek_tsv, auditd, syslog)

_JSON_AND_MAIL = tuple(schema for form in _FORMATS for schema in form.SCHEMAS)
SCHEMAS = (
    *_JSON_AND_MAIL,
    *(s for reader in READERS for s in reader.SCHEMAS if s not in _JSON_AND_MAIL),
    UNKNOWN,
)
PARSERS = {schema: "eml/1" if schema == MAIL else "json/1" for schema in (*_JSON_AND_MAIL, UNKNOWN)}


def schema_of(record: dict[str, object]) -> str:
    """The schema of a JSON object."""
    for rule in RULES:
        schema = rule(record)
        if schema is not None:
            return schema
    return UNKNOWN


def reader_of(
    head: bytes, file: str, schema: str | None, readers: Iterable[Reader] | None = None
) -> Reader | None:
    """The reader of the schema that was asked for, or the first that knows the head.

    Of a schema that comes as JSON too the head decides.
    """
    sure = schema is not None and schema not in _JSON_AND_MAIL
    for reader in READERS if readers is None else readers:
        if (schema is None or schema in reader.SCHEMAS) and (sure or reader.starts_like(head, file)):
            return reader
    return None
