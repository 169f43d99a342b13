"""Lines of the Linux audit log, as auditd writes them to `audit.log`."""

from collections.abc import Iterator

from countersign.adapters.sources import textlines
from countersign.core.records.auditd import looks_like_auditd
from countersign.core.records.evidence import Incoming, Quarantined, Skipped

SCHEMAS = ("auditd.line",)


def starts_like(head: bytes, _file: str) -> bool:
    """Do most of the first lines start with a type and `msg=audit(…)`?"""
    return textlines.mostly(head, looks_like_auditd)


def read(
    content: Iterator[bytes], file: str, schema: str | None
) -> Iterator[Incoming | Quarantined | Skipped]:
    """A record for each line; lines that are something else are quarantined."""
    return textlines.read(content, file, lambda raw: schema or textlines.schema_of(raw))
