"""JSON Lines: one record, or one envelope around records, a line; streamed."""

from collections.abc import Iterator

from countersign.adapters.sources import limits
from countersign.adapters.sources.objects import Outcome, elements, enveloped, record
from countersign.adapters.sources.streams import Chunks, lines
from countersign.core.records.evidence import Quarantined, Skipped


def by_line(
    content: Iterator[bytes], chunks: Chunks, file: str, schema: str | None, first: int = 1
) -> Iterator[Outcome]:
    """Records, line by line from line `first`; `chunks` is where `content` comes from, and learns what a fault cut off."""
    blank = True
    cut: Quarantined | None = None  # perhaps the line that a fault cut off: if it is the last
    for number, line in enumerate(lines(content, limits.MAX_LINE_BYTES), first):
        if cut is not None:
            yield cut
            cut = None
        if line is None:
            blank = False
            yield Quarantined(file, number, f"the line is longer than {limits.MAX_LINE_BYTES} bytes", b"")
            continue
        raw = line[:-1] if line.endswith(b"\r") else line
        if not raw or raw.isspace():
            continue
        blank = False
        outcome = record(raw, file, number, schema)
        if outcome is None:
            yield from elements(enveloped(raw) or [], file, schema, number)
        elif chunks.fault and isinstance(outcome, Quarantined):
            cut = outcome
        else:
            yield outcome
    if cut is not None:
        chunks.rest = cut.raw
    elif blank and not chunks.fault:
        yield Skipped(file, "empty")
