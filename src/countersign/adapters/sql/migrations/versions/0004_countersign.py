"""Countersigning: checkpoints and contents of the log, persons and their keys, reviews and decisions."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SQLITE = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
POSTGRES = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
FOR EACH {scope} EXECUTE FUNCTION append_only()"""
SQLITE_INSERT = """CREATE TRIGGER {table}_no_insert BEFORE INSERT ON {table}
WHEN NOT countersign_permits('{table}', CASE typeof(NEW.{column}) WHEN 'blob' THEN lower(hex(NEW.{column})) ELSE NEW.{column} END)
BEGIN SELECT RAISE(ABORT, '{table} is written by its own method only'); END"""
POSTGRES_INSERT = """CREATE TRIGGER {table}_no_insert BEFORE INSERT ON {table}
FOR EACH ROW EXECUTE FUNCTION permitted_only('{column}')"""
POSTGRES_PERMITS = """CREATE FUNCTION countersign_permits(what text, id text) RETURNS boolean LANGUAGE sql STABLE AS $$
SELECT coalesce(current_setting('countersign.permit', true), '') = what || ' ' || id $$"""
POSTGRES_PERMITTED = r"""CREATE FUNCTION permitted_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
IF countersign_permits(TG_TABLE_NAME, regexp_replace(to_jsonb(NEW) ->> TG_ARGV[0], '^\\x', '')) THEN RETURN NEW; END IF;
RAISE EXCEPTION '% is written by its own method only', TG_TABLE_NAME; END $$"""
SQLITE_ERASABLE = """CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
WHEN NOT countersign_permits('erase', 'rows')
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
POSTGRES_ERASABLE_FUNCTION = """CREATE FUNCTION erasable_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
IF countersign_permits('erase', 'rows') AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
THEN RETURN OLD; END IF;
RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"""
POSTGRES_ERASABLE = """CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION erasable_only()"""
ERASABLE = (
    "evidence",
    "provenance",
    "alert",
    "case_snapshot",
    "brief",
    "regrouping",
    "content",
    "review",
    "review_event",
    "action_proposal",
    "decision_document",
    "decision_signature",
    "decision",
)
PERMITTED = {
    "person": "id",
    "person_state": "person_id",
    "person_key": "id",
    "session": "id",
    "review": "id",
    "decision_document": "digest",
    "decision_signature": "digest",
    "decision": "digest",
}
GUARDED = (
    "log_checkpoint",
    "log_cosignature",
    "content",
    "erasure",
    "content_erased",
    "person",
    "person_state",
    "person_key",
    "key_revoked",
    "session",
    "session_end",
    "challenge",
    "challenge_used",
    "policy",
    "review",
    "review_event",
    "action_proposal",
    "decision_document",
    "decision_signature",
    "decision",
)


def upgrade() -> None:
    _create_log()
    _create_people()
    _create_review()
    op.create_table(
        "unlearn",
        _column("case_id", sa.String(128), primary_key=True),
        comment="cases whose alerts the grouping is to forget: a person found them malicious, so they are not usual here",
    )
    for table in GUARDED:
        _guard(table)
    _guard_inserts()
    _let_erasing_through()


def _column(name: str, kind: Any, *rest: Any, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, *rest, nullable=nullable, **options)


def _create_log() -> None:
    op.create_table(
        "log_checkpoint",
        _column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        _column("root", sa.LargeBinary(32)),
        _column("note", sa.LargeBinary),
        comment="every checkpoint that was signed: one root a size; note is the signed note, byte for byte",
    )
    op.create_table(
        "log_cosignature",
        _column("size", sa.BigInteger),
        _column("name", sa.String(255)),
        _column("line", sa.LargeBinary),
        sa.PrimaryKeyConstraint("size", "name", name="log_cosignature_once"),
        comment="what witnesses signed: a signature line of a checkpoint",
    )
    op.create_table(
        "content",
        _column("seq", Key, primary_key=True),
        _column("blob_id", sa.String(256)),
        _column("case_id", sa.String(128)),
        _column("media_type", sa.String(64)),
        _column("commit_mac", sa.LargeBinary(32)),
        _column("secret", sa.LargeBinary),
        _column("sealed", sa.LargeBinary, nullable=True),
        sa.UniqueConstraint("blob_id", name="content_once"),
        comment="what entries commit to: the blob's wrapped secret, and its ciphertext unless it is kept as rows",
    )
    op.create_index("content_case", "content", ["case_id"])
    op.create_table(
        "erasure",
        _column("seq", Key, primary_key=True),
        _column("case_id", sa.String(128)),
        _column("entry_id", sa.String(128)),
        comment="cases whose contents and rows were erased, and the log entry that tells of it",
    )
    op.create_index("erasure_case", "erasure", ["case_id"])
    op.create_table(
        "content_erased",
        _column("blob_id", sa.String(256), primary_key=True),
        _column("entry_id", sa.String(128)),
        comment="blobs whose secret was destroyed: their commitments and proofs stay",
    )


def _create_people() -> None:
    op.create_table(
        "person",
        _column("seq", Key, primary_key=True),
        _column("id", sa.String(64)),
        _column("name", sa.LargeBinary),
        sa.UniqueConstraint("id", name="person_once"),
        sa.UniqueConstraint("name", name="person_name_once"),
        comment="the log knows the id alone; the name stands here",
    )
    op.create_table(
        "person_state",
        _column("seq", Key, primary_key=True),
        _column("person_id", sa.String(64), sa.ForeignKey("person.id")),
        _column("document", sa.LargeBinary),
        comment="roles of a person, and who gave them; the last one counts",
    )
    op.create_index("person_state_person", "person_state", ["person_id", "seq"])
    op.create_table(
        "person_key",
        _column("seq", Key, primary_key=True),
        _column("id", sa.String(128)),
        _column("person_id", sa.String(64), sa.ForeignKey("person.id")),
        _column("document", sa.LargeBinary),
        sa.UniqueConstraint("id", name="person_key_once"),
        comment="keys that a person signs with: passkeys and software keys",
    )
    op.create_index("person_key_person", "person_key", ["person_id"])
    op.create_table(
        "key_revoked",
        _column("key_id", sa.String(128), sa.ForeignKey("person_key.id"), primary_key=True),
        _column("document", sa.LargeBinary),
        comment="from when on a key signs nothing more",
    )
    op.create_table(
        "session",
        _column("id", sa.String(64), primary_key=True),
        _column("person_id", sa.String(64), sa.ForeignKey("person.id")),
        _column("token", sa.LargeBinary(32)),
        _column("document", sa.LargeBinary),
        sa.UniqueConstraint("token", name="session_token_once"),
        comment="who is signed in: the digest of a token, until when",
    )
    op.create_table(
        "session_end",
        _column("session_id", sa.String(64), sa.ForeignKey("session.id"), primary_key=True),
        _column("at_ns", sa.BigInteger),
    )
    op.create_table(
        "challenge",
        _column("nonce", sa.LargeBinary(32), primary_key=True),
        _column("person_id", sa.String(64)),
        _column("subject", sa.LargeBinary(32)),
        _column("expires_ns", sa.BigInteger),
        comment="random bytes handed out to be signed with one subject's digest, by one person",
    )
    op.create_table(
        "challenge_used",
        _column("nonce", sa.LargeBinary(32), sa.ForeignKey("challenge.nonce"), primary_key=True),
        _column("at_ns", sa.BigInteger),
        comment="each challenge is answered once",
    )


def _create_review() -> None:
    op.create_table(
        "policy",
        _column("digest", sa.LargeBinary(32), primary_key=True),
        _column("document", sa.LargeBinary),
        comment="every policy set that was in force, whole",
    )
    op.create_table(
        "review",
        _column("seq", Key, primary_key=True),
        _column("id", sa.String(64)),
        _column("case_id", sa.String(128), sa.ForeignKey("cases.id")),
        _column("person_id", sa.String(64), sa.ForeignKey("person.id")),
        _column("document", sa.LargeBinary),
        sa.UniqueConstraint("id", name="review_once"),
        comment="a verified brief in front of one analyst, over the digests of what was shown",
    )
    op.create_index("review_case", "review", ["case_id", "seq"])
    op.create_table(
        "review_event",
        _column("seq", Key, primary_key=True),
        _column("review_id", sa.String(64), sa.ForeignKey("review.id")),
        _column("at_ns", sa.BigInteger),
        _column("kind", sa.String(16)),
        _column("document", sa.LargeBinary),
        comment="what was opened, answered and revealed in a review, in order",
    )
    op.create_index("review_event_review", "review_event", ["review_id", "seq"])
    op.create_table(
        "action_proposal",
        _column("seq", Key, primary_key=True),
        _column("id", sa.String(64)),
        _column("case_id", sa.String(128), sa.ForeignKey("cases.id")),
        _column("person_id", sa.String(64), sa.ForeignKey("person.id")),
        _column("document", sa.LargeBinary),
        sa.UniqueConstraint("id", name="action_proposal_once"),
        comment="an action that a person asks for: kind, target and the exact payload",
    )
    op.create_index("action_proposal_case", "action_proposal", ["case_id", "seq"])
    op.create_table(
        "decision_document",
        _column("seq", Key, primary_key=True),
        _column("digest", sa.LargeBinary(32)),
        _column("case_id", sa.String(128), sa.ForeignKey("cases.id")),
        _column("review_id", sa.String(64), sa.ForeignKey("review.id")),
        _column("document", sa.LargeBinary),
        sa.UniqueConstraint("digest", name="decision_document_once"),
        comment="canonical bytes that wait for signatures; a decision only once `decision` holds the digest",
    )
    op.create_index("decision_document_case", "decision_document", ["case_id", "seq"])
    op.create_table(
        "decision_signature",
        _column("seq", Key, primary_key=True),
        _column("digest", sa.LargeBinary(32), sa.ForeignKey("decision_document.digest")),
        _column("person_id", sa.String(64), sa.ForeignKey("person.id")),
        _column("document", sa.LargeBinary),
        sa.UniqueConstraint("digest", "person_id", name="decision_signature_once"),
        comment="who signed a decision document, and the signature",
    )
    op.create_table(
        "decision",
        _column("seq", Key, primary_key=True),
        _column("digest", sa.LargeBinary(32), sa.ForeignKey("decision_document.digest")),
        _column("case_id", sa.String(128), sa.ForeignKey("cases.id")),
        _column("number", sa.Integer),
        _column("status", sa.String(16)),
        _column("disposition", sa.String(32)),
        _column("entry_id", sa.String(128)),
        _column("at_ns", sa.BigInteger),
        sa.UniqueConstraint("digest", name="decision_once"),
        sa.UniqueConstraint("case_id", "number", name="decision_number_once"),
        comment="countersigned decisions: the number-th of a case, and the status it left the case in",
    )


def _guard(table: str) -> None:
    dialect = op.get_bind().dialect.name
    for verb in ("update", "delete"):
        template = SQLITE if dialect == "sqlite" else POSTGRES
        op.get_bind().exec_driver_sql(template.format(table=table, verb=verb, VERB=verb.upper(), scope="ROW"))
    if dialect == "postgresql":
        statement = POSTGRES.format(table=table, verb="truncate", VERB="TRUNCATE", scope="STATEMENT")
        op.get_bind().exec_driver_sql(statement)


def _guard_inserts() -> None:
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        for function in (POSTGRES_PERMITS, POSTGRES_PERMITTED):
            connection.exec_driver_sql(function.replace("%", "%%"))
    for table, column in PERMITTED.items():
        template = SQLITE_INSERT if sqlite else POSTGRES_INSERT
        connection.exec_driver_sql(template.format(table=table, column=column))


def _let_erasing_through() -> None:
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        connection.exec_driver_sql(POSTGRES_ERASABLE_FUNCTION.replace("%", "%%"))
    for table in ERASABLE:
        connection.exec_driver_sql(f"DROP TRIGGER {table}_no_delete" + ("" if sqlite else f" ON {table}"))
        template = SQLITE_ERASABLE if sqlite else POSTGRES_ERASABLE
        connection.exec_driver_sql(template.format(table=table))
