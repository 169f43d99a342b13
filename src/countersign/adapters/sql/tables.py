"""The tables. Change one, and write the migration: `tests/architecture` compares the two.

Text that an outsider wrote is kept as UTF-8 bytes (`Utf8`), because PostgreSQL's text refuses U+0000.
Digests are 32 raw bytes. Times are UTC nanoseconds in 64 bits.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION = "0003"
NO_TIME = -(2**63)  # in a sighting: the record has no readable time

# An "integer primary key" is SQLite's own row number: no second tree.
Key = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()


class Utf8(TypeDecorator[str]):
    """Text kept as its UTF-8 bytes; any code point, lone surrogates too."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return None if value is None else to_utf8(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return None if value is None else from_utf8(value)


def to_utf8(text: str) -> bytes:
    """The bytes that `Utf8` keeps."""
    return text.encode("utf-8", "surrogatepass")


def from_utf8(raw: bytes) -> str:
    """The text that `Utf8` kept."""
    return bytes(raw).decode("utf-8", "surrogatepass")


def _column(name: str, kind: Any, *rest: Any, nullable: bool = False, **options: Any) -> Column[Any]:
    return Column(name, kind, *rest, nullable=nullable, **options)


meta = Table(
    "meta",
    metadata,
    _column("name", String(64), primary_key=True),
    _column("value", LargeBinary),
    comment="this store's own secrets and settings",
)

origin = Table(
    "origin",
    metadata,
    _column("id", Key, primary_key=True),
    _column("schema", String(64)),
    _column("source", Utf8),
    _column("parser", String(64)),
    UniqueConstraint("schema", "source", "parser", name="origin_once"),
    comment="what evidence has in common: record schema, source instance, parser",
)

evidence = Table(
    "evidence",
    metadata,
    _column("seq", Key, primary_key=True),
    _column("digest", LargeBinary(32)),
    _column("origin_id", BigInteger, ForeignKey("origin.id")),
    _column("event_ns", BigInteger, nullable=True),
    _column("ingest_ns", BigInteger, nullable=True),
    _column("raw", LargeBinary),
    Index("evidence_digest", "digest", unique=True),
    Index("evidence_origin_time", "origin_id", "event_ns"),
    comment="immutable records; raw is exactly what was read",
)

source_file = Table(
    "source_file",
    metadata,
    _column("id", Key, primary_key=True),
    _column("path", Utf8),
    UniqueConstraint("path", name="source_file_once"),
)

provenance = Table(
    "provenance",
    metadata,
    _column("evidence_seq", BigInteger, ForeignKey("evidence.seq")),
    _column("file_id", BigInteger, ForeignKey("source_file.id")),
    _column("line", BigInteger),
    PrimaryKeyConstraint("evidence_seq", "file_id", "line", name="provenance_once"),
    comment="where a record was read; one record may have several",
    sqlite_with_rowid=False,
)

observable = Table(
    "observable",
    metadata,
    _column("id", BigInteger, primary_key=True, autoincrement=False),
    _column("type", String(32)),
    _column("value", Utf8),
    comment="distinct observables; id is a keyed 64-bit hash of type and value",
)

sighting = Table(
    "sighting",
    metadata,
    _column("observable_id", BigInteger),
    _column("first_seq", BigInteger),
    _column("from_ns", BigInteger),
    _column("to_ns", BigInteger),
    _column("records", Integer),
    _column("postings", LargeBinary),
    PrimaryKeyConstraint("observable_id", "first_seq", name="sighting_once"),
    comment="which records hold which observable when, a block a batch; can be made again from the evidence",
    sqlite_with_rowid=False,
)

quarantine = Table(
    "quarantine",
    metadata,
    _column("seq", Key, primary_key=True),
    _column("digest", LargeBinary(32)),
    _column("file_id", BigInteger, ForeignKey("source_file.id")),
    _column("line", BigInteger),
    _column("reason", Utf8),
    _column("raw", LargeBinary),
    UniqueConstraint("file_id", "line", "digest", name="quarantine_once"),
    comment="bytes that could not be read as a record, whole",
)

alert = Table(
    "alert",
    metadata,
    _column("seq", Key, primary_key=True),
    _column("id", String(128)),
    _column("evidence_seq", BigInteger, ForeignKey("evidence.seq")),
    _column("event_ns", BigInteger, nullable=True),
    _column("document", LargeBinary),
    UniqueConstraint("id", name="alert_once"),
    Index("alert_time", "event_ns"),
)

cases = Table(
    "cases",
    metadata,
    _column("id", String(128), primary_key=True),
    comment="one row a case; what it says is in case_snapshot",
)

case_snapshot = Table(
    "case_snapshot",
    metadata,
    _column("seq", Key, primary_key=True),
    _column("case_id", String(128), ForeignKey("cases.id")),
    _column("snapshot", String(71)),
    _column("title", Utf8),
    _column("severity", String(16)),
    _column("tier", Integer),
    _column("document", LargeBinary),
    Index("case_snapshot_case", "case_id", "seq"),
)

brief = Table(
    "brief",
    metadata,
    _column("seq", Key, primary_key=True),
    _column("id", String(128)),
    _column("case_id", String(128), ForeignKey("cases.id")),
    _column("snapshot", String(71)),
    _column("drafter", String(64)),
    _column("document", LargeBinary),
    UniqueConstraint("id", name="brief_once"),
    Index("brief_case", "case_id", "seq"),
)

reference_file = Table(
    "reference_file",
    metadata,
    _column("seq", Key, primary_key=True),
    _column("kb", Text),
    _column("kb_version", Text),
    _column("kind", String(64)),
    _column("digest", LargeBinary(32)),
    _column("raw", LargeBinary),
    UniqueConstraint("kb", "kb_version", name="reference_file_once"),
)

coverage = Table(
    "coverage",
    metadata,
    _column("seq", Key, primary_key=True),
    _column("digest", LargeBinary(32)),
    _column("document", LargeBinary),
    UniqueConstraint("digest", name="coverage_once"),
)

waiting = Table(
    "waiting",
    metadata,
    _column("evidence_seq", BigInteger, ForeignKey("evidence.seq"), primary_key=True, autoincrement=False),
    _column("event_ns", BigInteger),
    _column("document", LargeBinary),
    Index("waiting_time", "event_ns"),
    comment="alerts that wait to be grouped into cases",
)

burst = Table(
    "burst",
    metadata,
    _column("number", BigInteger, primary_key=True, autoincrement=False),
    _column("case_id", String(128)),
    _column("first_s", BigInteger),
    _column("last_s", BigInteger),
    _column("document", LargeBinary),
    Index("burst_case", "case_id"),
    Index("burst_time", "first_s"),
    comment="repetitions of one rule at one place, and the case the grouping put them into",
)

member = Table(
    "member",
    metadata,
    _column("evidence_seq", BigInteger, ForeignKey("evidence.seq"), primary_key=True, autoincrement=False),
    _column("burst_number", BigInteger),
    Index("member_burst", "burst_number"),
    comment="which burst an alert is part of",
)

standing = Table(
    "standing",
    metadata,
    _column("case_id", String(128), primary_key=True),
    _column("kind", String(16)),
    _column("document", LargeBinary),
    comment="what the grouping says of a case: its kind, its score in parts, why it was opened",
)

drafted = Table(
    "drafted",
    metadata,
    _column("case_id", String(128), primary_key=True),
    _column("mark", String(40)),
    comment="which alerts a case held when a brief was last made of it, as a mark",
)

grouping_state = Table(
    "grouping_state",
    metadata,
    _column("name", String(64), primary_key=True),
    _column("document", LargeBinary),
    comment="the grouping's own memory: what was seen in past hours, and what is still open",
)

regrouping = Table(
    "regrouping",
    metadata,
    _column("seq", Key, primary_key=True),
    _column("case_id", String(128)),
    _column("document", LargeBinary),
    Index("regrouping_case", "case_id", "seq"),
    comment="what a person, or a merge, changed about which alerts stand together",
)

follow_position = Table(
    "follow_position",
    metadata,
    _column("path", Utf8, primary_key=True),
    _column("identity", String(64)),
    _column("read_bytes", BigInteger),
    _column("read_lines", BigInteger),
    _column("head_bytes", Integer),
    _column("head", String(71)),
    comment="how far a followed file was read; a bookmark, replaced by the next",
)

log_entry = Table(
    "log_entry",
    metadata,
    _column("seq", Key, primary_key=True),
    _column("id", String(128)),
    _column("raw", LargeBinary),
    UniqueConstraint("id", name="log_entry_once"),
    comment="entries as they were staged, byte for byte",
)

log_staged = Table(
    "log_staged",
    metadata,
    _column("entry_seq", BigInteger, ForeignKey("log_entry.seq"), primary_key=True, autoincrement=False),
    comment="entries that wait for an index",
)

log_sequence = Table(
    "log_sequence",
    metadata,
    _column("position", BigInteger, primary_key=True, autoincrement=False),
    _column("entry_seq", BigInteger, ForeignKey("log_entry.seq")),
    _column("leaf", LargeBinary(32)),
    UniqueConstraint("entry_seq", name="log_sequence_once"),
    comment="the index (from 0) of each entry, and its leaf hash",
)

log_head = Table(
    "log_head",
    metadata,
    _column("size", BigInteger, primary_key=True, autoincrement=False),
    _column("root", LargeBinary(32)),
    _column("peaks", LargeBinary),
    _column("fence", BigInteger),
    comment="every head: one root a size; peaks are the roots of the full subtrees, 32 bytes each",
)

alembic_version = Table(
    "alembic_version",
    metadata,
    _column("version_num", String(32)),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

APPEND_ONLY = (
    evidence,
    provenance,
    quarantine,
    alert,
    cases,
    case_snapshot,
    brief,
    reference_file,
    coverage,
    regrouping,
    log_entry,
    log_sequence,
    log_head,
)
