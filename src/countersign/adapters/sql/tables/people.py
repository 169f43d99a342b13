"""Persons, their keys, who is signed in, and challenges."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Table, UniqueConstraint

from countersign.adapters.sql.tables.base import Key, Utf8, column, metadata

person = Table(
    "person",
    metadata,
    column("seq", Key, primary_key=True),
    column("id", String(64)),
    column("name", Utf8),
    UniqueConstraint("id", name="person_once"),
    UniqueConstraint("name", name="person_name_once"),
    comment="the log knows the id alone; the name stands here",
)

person_state = Table(
    "person_state",
    metadata,
    column("seq", Key, primary_key=True),
    column("person_id", String(64), ForeignKey("person.id")),
    column("document", LargeBinary),
    Index("person_state_person", "person_id", "seq"),
    comment="roles of a person, and who gave them; the last one counts",
)

person_key = Table(
    "person_key",
    metadata,
    column("seq", Key, primary_key=True),
    column("id", String(128)),
    column("person_id", String(64), ForeignKey("person.id")),
    column("document", LargeBinary),
    UniqueConstraint("id", name="person_key_once"),
    Index("person_key_person", "person_id"),
    comment="keys that a person signs with: passkeys and software keys",
)

key_revoked = Table(
    "key_revoked",
    metadata,
    column("key_id", String(128), ForeignKey("person_key.id"), primary_key=True),
    column("document", LargeBinary),
    comment="from when on a key signs nothing more",
)

session = Table(
    "session",
    metadata,
    column("id", String(64), primary_key=True),
    column("person_id", String(64), ForeignKey("person.id")),
    column("token", LargeBinary(32)),
    column("document", LargeBinary),
    UniqueConstraint("token", name="session_token_once"),
    comment="who is signed in: the digest of a token, until when",
)

session_end = Table(
    "session_end",
    metadata,
    column("session_id", String(64), ForeignKey("session.id"), primary_key=True),
    column("at_ns", BigInteger),
)

challenge = Table(
    "challenge",
    metadata,
    column("nonce", LargeBinary(32), primary_key=True),
    column("person_id", String(64)),
    column("subject", LargeBinary(32)),
    column("expires_ns", BigInteger),
    comment="random bytes handed out to be signed with one subject's digest, by one person",
)

challenge_used = Table(
    "challenge_used",
    metadata,
    column("nonce", LargeBinary(32), ForeignKey("challenge.nonce"), primary_key=True),
    column("at_ns", BigInteger),
    comment="each challenge is answered once",
)
