"""The audit log: entries, their order, heads and checkpoints; and contents, encrypted, beside it."""

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from countersign.adapters.sql.tables.base import Key, column, metadata

log_entry = Table(
    "log_entry",
    metadata,
    column("seq", Key, primary_key=True),
    column("id", String(128)),
    column("raw", LargeBinary),
    UniqueConstraint("id", name="log_entry_once"),
    comment="entries as they were staged, byte for byte",
)

log_staged = Table(
    "log_staged",
    metadata,
    column("entry_seq", BigInteger, ForeignKey("log_entry.seq"), primary_key=True, autoincrement=False),
    comment="entries that wait for an index",
)

log_sequence = Table(
    "log_sequence",
    metadata,
    column("position", BigInteger, primary_key=True, autoincrement=False),
    column("entry_seq", BigInteger, ForeignKey("log_entry.seq")),
    column("leaf", LargeBinary(32)),
    UniqueConstraint("entry_seq", name="log_sequence_once"),
    comment="the index (from 0) of each entry, and its leaf hash",
)

log_head = Table(
    "log_head",
    metadata,
    column("size", BigInteger, primary_key=True, autoincrement=False),
    column("root", LargeBinary(32)),
    column("peaks", LargeBinary),
    column("fence", BigInteger),
    comment="every head: one root a size; peaks are the roots of the full subtrees, 32 bytes each",
)

log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    column("size", BigInteger, primary_key=True, autoincrement=False),
    column("root", LargeBinary(32)),
    column("note", LargeBinary),
    comment="every checkpoint that was signed: one root a size; note is the signed note, byte for byte",
)

log_cosignature = Table(
    "log_cosignature",
    metadata,
    column("size", BigInteger),
    column("name", String(255)),
    column("line", LargeBinary),
    PrimaryKeyConstraint("size", "name", name="log_cosignature_once"),
    comment="what witnesses signed: a signature line of a checkpoint",
)

content = Table(
    "content",
    metadata,
    column("seq", Key, primary_key=True),
    column("blob_id", String(256)),
    column("case_id", String(128)),
    column("media_type", String(64)),
    column("commit_mac", LargeBinary(32)),
    column("secret", LargeBinary),
    column("sealed", LargeBinary, nullable=True),
    UniqueConstraint("blob_id", name="content_once"),
    Index("content_case", "case_id"),
    comment="what entries commit to: the blob's wrapped secret, and its ciphertext unless it is kept as rows",
)

erasure = Table(
    "erasure",
    metadata,
    column("seq", Key, primary_key=True),
    column("case_id", String(128)),
    column("entry_id", String(128)),
    Index("erasure_case", "case_id"),
    comment="cases whose contents and rows were erased, and the log entry that tells of it",
)

content_erased = Table(
    "content_erased",
    metadata,
    column("blob_id", String(256), primary_key=True),
    column("entry_id", String(128)),
    comment="blobs whose secret was destroyed: their commitments and proofs stay",
)
