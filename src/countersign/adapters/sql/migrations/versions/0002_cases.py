"""Cases: which alerts wait, which bursts they make, which case each is in, and what persons changed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SQLITE = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
POSTGRES = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
FOR EACH {scope} EXECUTE FUNCTION append_only()"""


def upgrade() -> None:
    _create_grouping()
    _create_regrouping()
    _guard("regrouping")


def _column(name: str, kind: Any, *rest: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, *rest, nullable=False, **options)


def _create_grouping() -> None:
    op.create_table(
        "waiting",
        _column(
            "evidence_seq",
            sa.BigInteger,
            sa.ForeignKey("evidence.seq"),
            primary_key=True,
            autoincrement=False,
        ),
        _column("event_ns", sa.BigInteger),
        _column("document", sa.LargeBinary),
        comment="alerts that wait to be grouped into cases",
    )
    op.create_index("waiting_time", "waiting", ["event_ns"])
    op.create_table(
        "burst",
        _column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        _column("case_id", sa.String(128)),
        _column("first_s", sa.BigInteger),
        _column("last_s", sa.BigInteger),
        _column("document", sa.LargeBinary),
        comment="repetitions of one rule at one place, and the case the grouping put them into",
    )
    op.create_index("burst_case", "burst", ["case_id"])
    op.create_index("burst_time", "burst", ["first_s"])
    op.create_table(
        "member",
        _column(
            "evidence_seq",
            sa.BigInteger,
            sa.ForeignKey("evidence.seq"),
            primary_key=True,
            autoincrement=False,
        ),
        _column("burst_number", sa.BigInteger),
        comment="which burst an alert is part of",
    )
    op.create_index("member_burst", "member", ["burst_number"])


def _create_regrouping() -> None:
    op.create_table(
        "standing",
        _column("case_id", sa.String(128), primary_key=True),
        _column("kind", sa.String(16)),
        _column("document", sa.LargeBinary),
        comment="what the grouping says of a case: its kind, its score in parts, why it was opened",
    )
    op.create_table(
        "drafted",
        _column("case_id", sa.String(128), primary_key=True),
        _column("mark", sa.String(40)),
        comment="which alerts a case held when a brief was last made of it, as a mark",
    )
    op.create_table(
        "grouping_state",
        _column("name", sa.String(64), primary_key=True),
        _column("document", sa.LargeBinary),
        comment="the grouping's own memory: what was seen in past hours, and what is still open",
    )
    op.create_table(
        "regrouping",
        _column("seq", Key, primary_key=True),
        _column("case_id", sa.String(128)),
        _column("document", sa.LargeBinary),
        comment="what a person, or a merge, changed about which alerts stand together",
    )
    op.create_index("regrouping_case", "regrouping", ["case_id", "seq"])


def _guard(table: str) -> None:
    dialect = op.get_bind().dialect.name
    for verb in ("update", "delete"):
        template = SQLITE if dialect == "sqlite" else POSTGRES
        op.get_bind().exec_driver_sql(template.format(table=table, verb=verb, VERB=verb.upper(), scope="ROW"))
    if dialect == "postgresql":
        statement = POSTGRES.format(table=table, verb="truncate", VERB="TRUNCATE", scope="STATEMENT")
        op.get_bind().exec_driver_sql(statement)
