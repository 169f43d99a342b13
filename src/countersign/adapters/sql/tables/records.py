"""Records as they were read, and what was seen in them."""

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from countersign.adapters.sql.tables.base import Key, Utf8, column, metadata

origin = Table(
    "origin",
    metadata,
    column("id", Key, primary_key=True),
    column("schema", String(64)),
    column("source", Utf8),
    column("parser", String(64)),
    UniqueConstraint("schema", "source", "parser", name="origin_once"),
    comment="what evidence has in common: record schema, source instance, parser",
)

evidence = Table(
    "evidence",
    metadata,
    column("seq", Key, primary_key=True),
    column("digest", LargeBinary(32)),
    column("origin_id", BigInteger, ForeignKey("origin.id")),
    column("event_ns", BigInteger, nullable=True),
    column("ingest_ns", BigInteger, nullable=True),
    column("raw", LargeBinary),
    Index("evidence_digest", "digest", unique=True),
    Index("evidence_origin_time", "origin_id", "event_ns"),
    comment="immutable records; raw is exactly what was read",
)

source_file = Table(
    "source_file",
    metadata,
    column("id", Key, primary_key=True),
    column("path", Utf8),
    UniqueConstraint("path", name="source_file_once"),
)

provenance = Table(
    "provenance",
    metadata,
    column("evidence_seq", BigInteger, ForeignKey("evidence.seq")),
    column("file_id", BigInteger, ForeignKey("source_file.id")),
    column("line", BigInteger),
    PrimaryKeyConstraint("evidence_seq", "file_id", "line", name="provenance_once"),
    comment="where a record was read; one record may have several",
    sqlite_with_rowid=False,
)

observable = Table(
    "observable",
    metadata,
    column("id", BigInteger, primary_key=True, autoincrement=False),
    column("type", String(32)),
    column("value", Utf8),
    comment="distinct observables; id is a keyed 64-bit hash of type and value",
)

sighting = Table(
    "sighting",
    metadata,
    column("observable_id", BigInteger),
    column("first_seq", BigInteger),
    column("from_ns", BigInteger),
    column("to_ns", BigInteger),
    column("records", Integer),
    column("postings", LargeBinary),
    PrimaryKeyConstraint("observable_id", "first_seq", name="sighting_once"),
    comment="which records hold which observable when, a block a batch; can be made again from the evidence",
    sqlite_with_rowid=False,
)

quarantine = Table(
    "quarantine",
    metadata,
    column("seq", Key, primary_key=True),
    column("digest", LargeBinary(32)),
    column("file_id", BigInteger, ForeignKey("source_file.id")),
    column("line", BigInteger),
    column("reason", Utf8),
    column("raw", LargeBinary),
    UniqueConstraint("file_id", "line", "digest", name="quarantine_once"),
    comment="bytes that could not be read as a record, whole",
)

alert = Table(
    "alert",
    metadata,
    column("seq", Key, primary_key=True),
    column("id", String(128)),
    column("evidence_seq", BigInteger, ForeignKey("evidence.seq")),
    column("event_ns", BigInteger, nullable=True),
    column("document", LargeBinary),
    UniqueConstraint("id", name="alert_once"),
    Index("alert_time", "event_ns"),
)

follow_position = Table(
    "follow_position",
    metadata,
    column("path", Utf8, primary_key=True),
    column("identity", String(64)),
    column("read_bytes", BigInteger),
    column("read_lines", BigInteger),
    column("head_bytes", Integer),
    column("head", String(71)),
    comment="how far a followed file was read; a bookmark, replaced by the next",
)
