"""Persons, their keys, who is signed in, and challenges. Everything is appended; what was said last counts."""

from typing import Any

import msgspec
from sqlalchemy import Row, Select, func, insert, select

from countersign.adapters.sql import bulk, tables
from countersign.adapters.sql.engine import lock_whole_store
from countersign.adapters.sql.permits import permitted
from countersign.adapters.sql.session import Session as Transacting
from countersign.core.identity.people import Key, Person, Role, Session
from countersign.errors import AlreadyStored

PEOPLE_LOCK = 4
MAX_ID = 128
_encode = msgspec.json.Encoder(order="deterministic").encode


class _State(msgspec.Struct, frozen=True):
    roles: tuple[Role, ...]
    by: str
    at_ns: int


class _Revoked(msgspec.Struct, frozen=True):
    by: str
    at_ns: int
    reason: str


_state = msgspec.json.Decoder(_State).decode
_key = msgspec.json.Decoder(Key).decode
_revoked = msgspec.json.Decoder(_Revoked).decode
_session = msgspec.json.Decoder(Session).decode


class SqlPeopleStore:
    """`ports.PeopleStore`."""

    def __init__(self, session: Transacting) -> None:
        self._connection = session.connection

    def lock(self) -> None:
        lock_whole_store(self._connection, PEOPLE_LOCK)

    # ---- persons -------------------------------------------------------------------------------------

    def add(self, person: Person, by: str, at_ns: int) -> None:
        with permitted(self._connection, "person", person.id):
            new = bulk.add_once(self._connection, tables.person, id=person.id, name=person.name)
        if not new:
            raise AlreadyStored(
                "somebody has this name already", hint="Names are unique: add what tells them apart."
            )
        self.roles(person.id, person.roles, by, at_ns)

    def roles(self, person: str, roles: tuple[Role, ...], by: str, at_ns: int) -> None:
        document = _encode(_State(roles, by, at_ns))
        statement = insert(tables.person_state).values(person_id=person, document=document)
        with permitted(self._connection, "person_state", person):
            self._connection.execute(statement)

    def get(self, person: str) -> Person | None:
        if not _is_id(person):
            return None
        return self._one(_persons().where(tables.person.c.id == person))

    def named(self, name: str) -> Person | None:
        return self._one(_persons().where(tables.person.c.name == name))

    def all(self) -> tuple[Person, ...]:
        return tuple(map(_person, self._connection.execute(_persons().order_by(tables.person.c.seq))))

    def _one(self, query: Select[Any]) -> Person | None:
        row = self._connection.execute(query).first()
        return None if row is None else _person(row)

    # ---- keys ----------------------------------------------------------------------------------------

    def enrol(self, key: Key) -> None:
        document = _encode(msgspec.structs.replace(key, revoked_ns=None))
        values = {"id": key.id, "person_id": key.person, "document": document}
        with permitted(self._connection, "person_key", key.id):
            new = bulk.add_once(self._connection, tables.person_key, **values)
        if not new:
            raise AlreadyStored(
                "this key is enrolled already", hint="A key belongs to one person for good: make another."
            )

    def revoke(self, key: str, by: str, at_ns: int, reason: str) -> None:
        document = _encode(_Revoked(by, at_ns, reason))
        bulk.add_once(self._connection, tables.key_revoked, key_id=key, document=document)

    def key(self, key: str) -> Key | None:
        if not _is_id(key):
            return None
        row = self._connection.execute(_keys().where(tables.person_key.c.id == key)).first()
        return None if row is None else _key_of(row)

    def keys_of(self, person: str) -> tuple[Key, ...]:
        query = _keys().where(tables.person_key.c.person_id == person).order_by(tables.person_key.c.seq)
        return tuple(map(_key_of, self._connection.execute(query)))

    # ---- sessions ------------------------------------------------------------------------------------

    def open_session(self, session: Session, token_digest: bytes) -> None:
        values = {"id": session.id, "person_id": session.person, "token": token_digest}
        statement = insert(tables.session).values(document=_encode(session), **values)
        with permitted(self._connection, "session", session.id):
            self._connection.execute(statement)

    def session(self, token_digest: bytes) -> Session | None:
        table, ended = tables.session, tables.session_end
        query = (
            select(table.c.document)
            .outerjoin(ended, ended.c.session_id == table.c.id)
            .where(table.c.token == token_digest, ended.c.session_id.is_(None))
        )
        found = self._connection.execute(query).scalar()
        return None if found is None else _session(bytes(found))

    def end_session(self, session: str, at_ns: int) -> None:
        bulk.add_once(self._connection, tables.session_end, session_id=session, at_ns=at_ns)

    # ---- challenges ----------------------------------------------------------------------------------

    def challenge(self, nonce: bytes, person: str, subject: bytes, expires_ns: int) -> None:
        values = {"nonce": nonce, "person_id": person, "subject": subject, "expires_ns": expires_ns}
        self._connection.execute(insert(tables.challenge).values(**values))

    def use_challenge(self, nonce: bytes, person: str, subject: bytes, at_ns: int) -> bool:
        table = tables.challenge
        given = select(table.c.nonce).where(
            table.c.nonce == nonce,
            table.c.person_id == person,
            table.c.subject == subject,
            table.c.expires_ns > at_ns,
        )
        if self._connection.execute(given).first() is None:
            return False
        # The primary key decides between two that answer at the same moment; the second waits, and is too late.
        return bulk.add_once(self._connection, tables.challenge_used, nonce=nonce, at_ns=at_ns)


def _is_id(text: str) -> bool:
    """What no id looks like is asked of no database: not every one takes every character, and both say the same."""
    return len(text) <= MAX_ID and text.isascii() and text.isprintable()


def _persons() -> Select[Any]:
    """Everybody with what was said of them last."""
    person, state = tables.person, tables.person_state
    newest = select(func.max(state.c.seq).label("seq")).group_by(state.c.person_id).subquery()
    columns = (person.c.id, person.c.name, state.c.document)
    said = select(*columns).join(state, state.c.person_id == person.c.id)
    return said.join(newest, newest.c.seq == state.c.seq)


def _person(row: Row[Any]) -> Person:
    return Person(id=row.id, name=row.name, roles=_state(bytes(row.document)).roles)


def _keys() -> Select[Any]:
    revoked = tables.key_revoked
    columns = (tables.person_key.c.document, revoked.c.document.label("revoked"))
    return select(*columns).outerjoin(revoked, revoked.c.key_id == tables.person_key.c.id)


def _key_of(row: Row[Any]) -> Key:
    key = _key(bytes(row.document))
    if row.revoked is None:
        return key
    return msgspec.structs.replace(key, revoked_ns=_revoked(bytes(row.revoked)).at_ns)
