"""First light: evidence, cases, briefs and the log that tells of them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Written out here, not imported: a migration stays what it was on the day it was released.
SQLITE = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
POSTGRES_FUNCTION = """CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '%% is append-only', TG_TABLE_NAME; END $$"""
POSTGRES = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
FOR EACH {scope} EXECUTE FUNCTION append_only()"""
APPEND_ONLY = """
evidence provenance quarantine alert cases case_snapshot brief reference_file coverage
log_entry log_sequence log_head
""".split()


def upgrade() -> None:
    _create_records()
    _create_cases()
    _create_log()
    _guard()


def _column(name: str, kind: Any, *rest: Any, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, *rest, nullable=nullable, **options)


def _create_records() -> None:
    op.create_table(
        "meta",
        _column("name", sa.String(64), primary_key=True),
        _column("value", sa.LargeBinary),
        comment="this store's own secrets and settings",
    )
    op.create_table(
        "origin",
        _column("id", Key, primary_key=True),
        _column("schema", sa.String(64)),
        _column("source", sa.LargeBinary),
        _column("parser", sa.String(64)),
        sa.UniqueConstraint("schema", "source", "parser", name="origin_once"),
        comment="what evidence has in common: record schema, source instance, parser",
    )
    op.create_table(
        "evidence",
        _column("seq", Key, primary_key=True),
        _column("digest", sa.LargeBinary(32)),
        _column("origin_id", sa.BigInteger, sa.ForeignKey("origin.id")),
        _column("event_ns", sa.BigInteger, nullable=True),
        _column("ingest_ns", sa.BigInteger, nullable=True),
        _column("raw", sa.LargeBinary),
        comment="immutable records; raw is exactly what was read",
    )
    op.create_index("evidence_digest", "evidence", ["digest"], unique=True)
    op.create_index("evidence_origin_time", "evidence", ["origin_id", "event_ns"])
    op.create_table(
        "source_file",
        _column("id", Key, primary_key=True),
        _column("path", sa.LargeBinary),
        sa.UniqueConstraint("path", name="source_file_once"),
    )
    op.create_table(
        "provenance",
        _column("evidence_seq", sa.BigInteger, sa.ForeignKey("evidence.seq")),
        _column("file_id", sa.BigInteger, sa.ForeignKey("source_file.id")),
        _column("line", sa.BigInteger),
        sa.PrimaryKeyConstraint("evidence_seq", "file_id", "line", name="provenance_once"),
        comment="where a record was read; one record may have several",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "observable",
        _column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        _column("type", sa.String(32)),
        _column("value", sa.LargeBinary),
        comment="distinct observables; id is a keyed 64-bit hash of type and value",
    )
    op.create_table(
        "sighting",
        _column("observable_id", sa.BigInteger),
        _column("first_seq", sa.BigInteger),
        _column("from_ns", sa.BigInteger),
        _column("to_ns", sa.BigInteger),
        _column("records", sa.Integer),
        _column("postings", sa.LargeBinary),
        sa.PrimaryKeyConstraint("observable_id", "first_seq", name="sighting_once"),
        comment="which records hold which observable when, a block a batch; can be made again from the evidence",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "quarantine",
        _column("seq", Key, primary_key=True),
        _column("digest", sa.LargeBinary(32)),
        _column("file_id", sa.BigInteger, sa.ForeignKey("source_file.id")),
        _column("line", sa.BigInteger),
        _column("reason", sa.LargeBinary),
        _column("raw", sa.LargeBinary),
        sa.UniqueConstraint("file_id", "line", "digest", name="quarantine_once"),
        comment="bytes that could not be read as a record, whole",
    )
    op.create_table(
        "alert",
        _column("seq", Key, primary_key=True),
        _column("id", sa.String(128)),
        _column("evidence_seq", sa.BigInteger, sa.ForeignKey("evidence.seq")),
        _column("event_ns", sa.BigInteger, nullable=True),
        _column("document", sa.LargeBinary),
        sa.UniqueConstraint("id", name="alert_once"),
    )
    op.create_index("alert_time", "alert", ["event_ns"])


def _create_cases() -> None:
    op.create_table(
        "cases",
        _column("id", sa.String(128), primary_key=True),
        comment="one row a case; what it says is in case_snapshot",
    )
    op.create_table(
        "case_snapshot",
        _column("seq", Key, primary_key=True),
        _column("case_id", sa.String(128), sa.ForeignKey("cases.id")),
        _column("snapshot", sa.String(71)),
        _column("title", sa.LargeBinary),
        _column("severity", sa.String(16)),
        _column("tier", sa.Integer),
        _column("document", sa.LargeBinary),
    )
    op.create_index("case_snapshot_case", "case_snapshot", ["case_id", "seq"])
    op.create_table(
        "brief",
        _column("seq", Key, primary_key=True),
        _column("id", sa.String(128)),
        _column("case_id", sa.String(128), sa.ForeignKey("cases.id")),
        _column("snapshot", sa.String(71)),
        _column("drafter", sa.String(64)),
        _column("document", sa.LargeBinary),
        sa.UniqueConstraint("id", name="brief_once"),
    )
    op.create_index("brief_case", "brief", ["case_id", "seq"])
    op.create_table(
        "reference_file",
        _column("seq", Key, primary_key=True),
        _column("kb", sa.Text),
        _column("kb_version", sa.Text),
        _column("kind", sa.String(64)),
        _column("digest", sa.LargeBinary(32)),
        _column("raw", sa.LargeBinary),
        sa.UniqueConstraint("kb", "kb_version", name="reference_file_once"),
    )
    op.create_table(
        "coverage",
        _column("seq", Key, primary_key=True),
        _column("digest", sa.LargeBinary(32)),
        _column("document", sa.LargeBinary),
        sa.UniqueConstraint("digest", name="coverage_once"),
    )


def _create_log() -> None:
    op.create_table(
        "log_entry",
        _column("seq", Key, primary_key=True),
        _column("id", sa.String(128)),
        _column("raw", sa.LargeBinary),
        sa.UniqueConstraint("id", name="log_entry_once"),
        comment="entries as they were staged, byte for byte",
    )
    op.create_table(
        "log_staged",
        _column(
            "entry_seq", sa.BigInteger, sa.ForeignKey("log_entry.seq"), primary_key=True, autoincrement=False
        ),
        comment="entries that wait for an index",
    )
    op.create_table(
        "log_sequence",
        _column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        _column("entry_seq", sa.BigInteger, sa.ForeignKey("log_entry.seq")),
        _column("leaf", sa.LargeBinary(32)),
        sa.UniqueConstraint("entry_seq", name="log_sequence_once"),
        comment="the index (from 0) of each entry, and its leaf hash",
    )
    op.create_table(
        "log_head",
        _column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        _column("root", sa.LargeBinary(32)),
        _column("peaks", sa.LargeBinary),
        _column("fence", sa.BigInteger),
        comment="every head: one root a size; peaks are the roots of the full subtrees, 32 bytes each",
    )


def _guard() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.get_bind().exec_driver_sql(POSTGRES_FUNCTION)
    for table in APPEND_ONLY:
        for verb in ("update", "delete"):
            template = SQLITE if dialect == "sqlite" else POSTGRES
            _run(template.format(table=table, verb=verb, VERB=verb.upper(), scope="ROW"))
        if dialect == "postgresql":
            _run(POSTGRES.format(table=table, verb="truncate", VERB="TRUNCATE", scope="STATEMENT"))


def _run(statement: str) -> None:
    op.get_bind().exec_driver_sql(statement)
