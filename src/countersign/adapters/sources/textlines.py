"""Text logs of one record a line: what kind of line it is goes by the line alone."""

from collections.abc import Callable, Iterator

from countersign.adapters.sources.streams import lines
from countersign.core.records.auditd import looks_like_auditd
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.views import MAX_RECORD_BYTES, view

TRIED_LINES = 64
PARSERS = {"auditd.line": "auditd/1", "syslog.line": "syslog/1"}


def schema_of(raw: bytes) -> str:
    """An audit record if it starts as one, else syslog: the same bytes have the same schema in any file."""
    return "auditd.line" if looks_like_auditd(raw) else "syslog.line"


def mostly(head: bytes, known: Callable[[bytes], bool]) -> bool:
    """Is the first line of the kind, and are half or more of the first lines? The last of many may be cut off."""
    tried = [line for line in head.split(b"\n")[:TRIED_LINES] if line.strip()]
    return bool(tried) and known(tried[0]) and 2 * sum(map(known, tried)) >= len(tried)


def read(
    content: Iterator[bytes], file: str, kind: Callable[[bytes], str]
) -> Iterator[Incoming | Quarantined | Skipped]:
    """A record for each line that is not blank, without its line end; `kind` names a line's schema."""
    blank = True
    for number, line in enumerate(lines(content, MAX_RECORD_BYTES), 1):
        if line is None:
            blank = False
            yield Quarantined(file, number, f"the line is longer than {MAX_RECORD_BYTES} bytes", b"")
            continue
        raw = line.removesuffix(b"\r")
        if raw and not raw.isspace():
            blank = False
            yield _record(raw, kind(raw), file, number)
    if blank:
        yield Skipped(file, "empty")


def _record(raw: bytes, schema: str, file: str, number: int) -> Incoming | Quarantined:
    parser = PARSERS[schema]
    try:
        document = view(raw, parser)
    except ValueError as exc:
        return Quarantined(file, number, str(exc), raw)
    return Incoming(schema, parser, raw, file, number, document)
