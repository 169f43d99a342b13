"""Syslog lines: RFC 5424, RFC 3164 with and without a priority, and the ISO times of newer daemons."""

from collections.abc import Iterator

from countersign.adapters.sources import textlines
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.syslog import looks_like_syslog

SCHEMAS = ("syslog.line",)


def starts_like(head: bytes, _file: str) -> bool:
    """Do most of the first lines start with a priority, or with a time, a host and a program?"""
    return textlines.mostly(head, looks_like_syslog)


def read(
    content: Iterator[bytes], file: str, schema: str | None
) -> Iterator[Incoming | Quarantined | Skipped]:
    """A record for each line; lines that are something else are quarantined."""
    return textlines.read(content, file, lambda raw: schema or textlines.schema_of(raw))
