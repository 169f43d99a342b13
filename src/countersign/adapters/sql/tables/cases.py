"""Cases, briefs, references and coverage."""

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from countersign.adapters.sql.tables.base import Key, Utf8, column, metadata

cases = Table(
    "cases",
    metadata,
    column("id", String(128), primary_key=True),
    comment="one row a case; what it says is in case_snapshot",
)

case_snapshot = Table(
    "case_snapshot",
    metadata,
    column("seq", Key, primary_key=True),
    column("case_id", String(128), ForeignKey("cases.id")),
    column("snapshot", String(71)),
    column("title", Utf8),
    column("severity", String(16)),
    column("tier", Integer),
    column("document", LargeBinary),
    Index("case_snapshot_case", "case_id", "seq"),
)

brief = Table(
    "brief",
    metadata,
    column("seq", Key, primary_key=True),
    column("id", String(128)),
    column("case_id", String(128), ForeignKey("cases.id")),
    column("snapshot", String(71)),
    column("drafter", String(64)),
    column("document", LargeBinary),
    UniqueConstraint("id", name="brief_once"),
    Index("brief_case", "case_id", "seq"),
)

reference_file = Table(
    "reference_file",
    metadata,
    column("seq", Key, primary_key=True),
    column("kb", Text),
    column("kb_version", Text),
    column("kind", String(64)),
    column("digest", LargeBinary(32)),
    column("raw", LargeBinary),
    UniqueConstraint("kb", "kb_version", name="reference_file_once"),
)

coverage = Table(
    "coverage",
    metadata,
    column("seq", Key, primary_key=True),
    column("digest", LargeBinary(32)),
    column("document", LargeBinary),
    UniqueConstraint("digest", name="coverage_once"),
)
