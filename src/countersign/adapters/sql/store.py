"""The store: transactions over one database, and the log beside them."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, exists, func, select
from sqlalchemy.exc import SQLAlchemyError

from countersign.adapters.sql import bulk, tables
from countersign.adapters.sql.case_store import (
    SqlAlertStore,
    SqlBriefStore,
    SqlCaseStore,
    SqlCoverageStore,
    SqlReferenceStore,
)
from countersign.adapters.sql.content_store import SqlContentStore
from countersign.adapters.sql.engine import READ_ONLY, connect, ensure_schema, sqlite_url
from countersign.adapters.sql.erasing import SqlErasureStore, is_due, scrub
from countersign.adapters.sql.evidence_store import SqlEvidenceStore, SqlQuarantineStore
from countersign.adapters.sql.follow_store import SqlFollowStore
from countersign.adapters.sql.group_store import SqlGroupStore
from countersign.adapters.sql.log_store import SqlAuditLog, SqlLogStage
from countersign.adapters.sql.people_store import SqlPeopleStore
from countersign.adapters.sql.review_store import SqlReviewStore
from countersign.adapters.sql.session import Remembered, Session
from countersign.errors import StoreUnavailable
from countersign.ports import Sealer

__all__ = ["SqlStore", "SqlTransaction", "is_written", "open_store", "sqlite_url"]


_LAST_ERASURE = select(func.max(tables.erasure.c.seq))


class SqlTransaction:
    """`ports.Transaction`."""

    def __init__(self, session: Session, vault: Sealer) -> None:
        self._session = session
        self.evidence = SqlEvidenceStore(session)
        self.quarantine = SqlQuarantineStore(session)
        self.alerts = SqlAlertStore(session)
        self.groups = SqlGroupStore(session)
        self.cases = SqlCaseStore(session)
        self.briefs = SqlBriefStore(session)
        self.references = SqlReferenceStore(session)
        self.coverage = SqlCoverageStore(session)
        self.reviews = SqlReviewStore(session)
        self.following = SqlFollowStore(session)
        self.people = SqlPeopleStore(session)
        self.log = SqlLogStage(session)
        self.erasures = SqlErasureStore(session)
        self.contents = SqlContentStore(session, vault)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        say = self._session.connection.exec_driver_sql  # by hand: every piece of group commit pays for it
        with self._session.attempt():
            say("SAVEPOINT attempt")
            try:
                yield
            except BaseException:
                try:
                    say("ROLLBACK TO SAVEPOINT attempt")
                except SQLAlchemyError as exc:  # a full disk has undone the whole transaction, and ended it
                    raise StoreUnavailable("the store refused, and kept nothing of this step") from exc
                raise
            say("RELEASE SAVEPOINT attempt")


class SqlStore:
    """`ports.Store`."""

    def __init__(self, engine: Engine, vault: Sealer) -> None:
        self._engine = engine
        self._vault = vault
        self._remembered = Remembered()
        self.log = SqlAuditLog(engine)
        self._load_key()

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        try:
            with self._engine.begin() as connection:
                self._remembered.after(connection.execute(_LAST_ERASURE).scalar())
                session = Session(connection, self._remembered)
                yield SqlTransaction(session, self._vault)
            session.committed()
        except SQLAlchemyError as exc:
            raise StoreUnavailable("the store refused, and kept nothing of this step") from exc

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        try:
            with self._engine.execution_options(**READ_ONLY).begin() as connection:
                yield SqlTransaction(Session(connection, self._remembered), self._vault)
        except SQLAlchemyError as exc:
            raise StoreUnavailable("the store cannot be read") from exc

    def scrub(self) -> bool:
        return scrub(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def _load_key(self) -> None:
        """The key of the observables' hash: drawn once a store, so that nobody can aim at a collision."""
        wanted = select(tables.meta.c.value).where(tables.meta.c.name == "observable_key")
        try:
            with self._engine.begin() as connection:
                if connection.execute(wanted).scalar() is None:
                    bulk.add_once(
                        connection, tables.meta, name="observable_key", value=secrets.token_bytes(32)
                    )
                self._remembered.key = bytes(connection.execute(wanted).scalar_one())
                due = is_due(connection)
        except SQLAlchemyError as exc:
            raise StoreUnavailable("the store cannot be written") from exc
        if due:
            self.scrub()  # the process that erased was killed, or somebody else used the store then


def open_store(url: str, vault: Sealer) -> SqlStore:
    """Open the store at a database URL, making or migrating its tables; `vault` wraps the secrets of contents.

    Raises `ConfigError` for a URL we cannot use, `StoreUnavailable` when the database does not answer,
    `SchemaMismatch` for a newer schema or missing append-only triggers.
    """
    engine = connect(url)
    ensure_schema(engine)
    return SqlStore(engine, vault)


def is_written(url: str) -> bool:
    """Does the log of this store hold an entry already? Raises as `open_store` does."""
    engine = connect(url)
    try:
        ensure_schema(engine)
        with engine.execution_options(**READ_ONLY).begin() as connection:
            return bool(connection.execute(select(exists(tables.log_entry))).scalar_one())
    except SQLAlchemyError as exc:
        raise StoreUnavailable("the store cannot be read") from exc
    finally:
        engine.dispose()
