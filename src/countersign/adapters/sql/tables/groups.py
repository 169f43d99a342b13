"""Which alerts stand together."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Table

from countersign.adapters.sql.tables.base import Key, column, metadata

waiting = Table(
    "waiting",
    metadata,
    column("evidence_seq", BigInteger, ForeignKey("evidence.seq"), primary_key=True, autoincrement=False),
    column("event_ns", BigInteger),
    column("document", LargeBinary),
    Index("waiting_time", "event_ns"),
    comment="alerts that wait to be grouped into cases",
)

burst = Table(
    "burst",
    metadata,
    column("number", BigInteger, primary_key=True, autoincrement=False),
    column("case_id", String(128)),
    column("first_s", BigInteger),
    column("last_s", BigInteger),
    column("document", LargeBinary),
    Index("burst_case", "case_id"),
    Index("burst_time", "first_s"),
    comment="repetitions of one rule at one place, and the case the grouping put them into",
)

member = Table(
    "member",
    metadata,
    column("evidence_seq", BigInteger, ForeignKey("evidence.seq"), primary_key=True, autoincrement=False),
    column("burst_number", BigInteger),
    Index("member_burst", "burst_number"),
    comment="which burst an alert is part of",
)

standing = Table(
    "standing",
    metadata,
    column("case_id", String(128), primary_key=True),
    column("kind", String(16)),
    column("document", LargeBinary),
    comment="what the grouping says of a case: its kind, its score in parts, why it was opened",
)

drafted = Table(
    "drafted",
    metadata,
    column("case_id", String(128), primary_key=True),
    column("mark", String(40)),
    comment="which alerts a case held when a brief was last made of it, as a mark",
)

grouping_state = Table(
    "grouping_state",
    metadata,
    column("name", String(64), primary_key=True),
    column("document", LargeBinary),
    comment="the grouping's own memory: what was seen in past hours, and what is still open",
)

regrouping = Table(
    "regrouping",
    metadata,
    column("seq", Key, primary_key=True),
    column("case_id", String(128)),
    column("document", LargeBinary),
    Index("regrouping_case", "case_id", "seq"),
    comment="what a person, or a merge, changed about which alerts stand together",
)

unlearn = Table(
    "unlearn",
    metadata,
    column("case_id", String(128), primary_key=True),
    comment="cases whose alerts the grouping is to forget: a person found them malicious, so they are not usual here",
)
