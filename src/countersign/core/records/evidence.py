"""Evidence: the exact bytes of one record, named by their digest, and where they were found.

A record arrives as `Incoming`, or cannot be read and is `Quarantined` whole, or its file holds no
records and is `Skipped`. Evidence never changes. What a record *says* is its view, the document that
a named parser makes of the bytes (`core/records/views`); pointers resolve in the view, never in text.
"""

from typing import Any

import msgspec

UNREAD: Any = object()
"""The view of an incoming record that has not been parsed yet."""


class Incoming(msgspec.Struct, frozen=True, eq=False):
    """A record as a source file held it; two are the same when all but the view is."""

    schema: str
    parser: str
    raw: bytes
    file: str
    line: int  # from 1; the record's position where a file has no lines
    view: Any = UNREAD  # what the parser makes of the bytes, from a reader that has parsed them already

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Incoming) and self._place() == other._place()

    def __hash__(self) -> int:
        return hash(self._place())

    def _place(self) -> tuple[str, str, bytes, str, int]:
        return self.schema, self.parser, self.raw, self.file, self.line


class Quarantined(msgspec.Struct, frozen=True):
    """Bytes that could not be read as a record, kept whole."""

    file: str
    line: int  # 0 when the whole file is meant
    reason: str
    raw: bytes


class Skipped(msgspec.Struct, frozen=True):
    """A file that holds no records."""

    file: str
    reason: str


class Provenance(msgspec.Struct, frozen=True):
    """Where a record was found; one record may have several."""

    file: str
    line: int


class Evidence(msgspec.Struct, frozen=True):
    """One immutable record. Times are UTC nanoseconds since 1970, None where the record has none that is readable."""

    id: str  # sha256:…
    schema: str
    source: str  # the instance: "suricata.eve/edge-1"
    parser: str
    raw: bytes
    event_ns: int | None
    ingest_ns: int | None  # when the product received it, if the record says so
    provenance: tuple[Provenance, ...] = ()
    copies: int = 1  # how often the same bytes were read
