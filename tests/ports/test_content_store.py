"""What the content store promises, on both databases."""

import pytest
from sqlalchemy import select, text

from countersign.adapters.keys import HomeSealer
from countersign.adapters.sql import open_store, tables
from countersign.core.log.blobs import commit, mac_key
from countersign.errors import AuditLogConflict, ContentNotKept, TamperDetected
from databases import VAULT

SECRET_WORDS = b'{"user":"canary-42"}'
JSON = "application/json"


def sealed(store, name="ask-1/dossier", content=SECRET_WORDS, **options):
    with store.transaction() as tx:
        return tx.contents.seal(name, "case-1", JSON, content, **options)


def rows(store):
    with store._engine.begin() as connection:
        return connection.execute(select(tables.content)).all()


def test_what_is_sealed_can_be_opened_and_is_not_there_in_clear(store):
    blob = sealed(store)

    with store.reading() as tx:
        assert tx.contents.open(blob.id) == SECRET_WORDS
        assert tx.contents.holds(blob, JSON, SECRET_WORDS)
        assert not tx.contents.holds(blob, JSON, SECRET_WORDS + b" ")
        assert not tx.contents.holds(blob, "text/plain", SECRET_WORDS)
        assert not tx.contents.is_erased(blob.id)
    assert all(b"canary" not in bytes(value) for row in rows(store) for value in (row.secret, row.sealed))


def test_the_commitment_is_what_an_auditor_recomputes(store):
    blob = sealed(store)
    (row,) = rows(store)

    key = mac_key(VAULT.unwrap(bytes(row.secret), blob.id))
    assert commit(key, JSON, SECRET_WORDS) == blob.commit


def test_the_same_content_under_the_same_id_is_one_blob(store):
    assert sealed(store) == sealed(store)
    assert len(rows(store)) == 1


def test_another_content_under_the_same_id_is_a_conflict(store):
    sealed(store)
    with pytest.raises(AuditLogConflict):
        sealed(store, content=b"{}")


def test_every_blob_has_a_secret_of_its_own(store):
    one, other = sealed(store, "a/reply"), sealed(store, "b/reply")
    secrets = {VAULT.unwrap(bytes(row.secret), row.blob_id) for row in rows(store)}

    assert len(secrets) == 2
    assert one.commit != other.commit


def test_what_is_only_bound_is_held_and_not_kept(store):
    blob = sealed(store, kept=False)

    (row,) = rows(store)
    assert row.sealed is None
    with store.reading() as tx:
        assert tx.contents.holds(blob, JSON, SECRET_WORDS)
        with pytest.raises(ContentNotKept, match="as rows"):
            tx.contents.open(blob.id)


def test_a_blob_that_nobody_sealed_is_not_kept_and_not_erased(store):
    with store.reading() as tx:
        assert not tx.contents.is_erased("nobody/reply")
        assert not tx.contents.is_bound("nobody/reply")
        with pytest.raises(ContentNotKept):
            tx.contents.open("nobody/reply")


def test_what_is_rolled_back_was_never_sealed(store):
    with pytest.raises(RuntimeError), store.transaction() as tx:
        tx.contents.seal("a/reply", "case-1", JSON, b"{}")
        raise RuntimeError
    assert rows(store) == []


@pytest.mark.parametrize("column", ["secret", "sealed", "commit_mac"])
def test_a_row_that_was_changed_is_found_out(store, column):
    blob = sealed(store)
    with store._engine.begin() as connection:
        on = "" if connection.dialect.name == "sqlite" else " ON content"
        connection.execute(text(f"DROP TRIGGER content_no_update{on}"))
        (value,) = connection.execute(select(tables.content.c[column])).scalars()
        wrong = bytes(value)[:-1] + bytes([bytes(value)[-1] ^ 1])
        connection.execute(tables.content.update().values({column: wrong}))

    with store.reading() as tx, pytest.raises(TamperDetected):
        tx.contents.open(blob.id)


def test_another_home_cannot_open_it(store, database):
    blob = sealed(store)
    other = open_store(database, HomeSealer(bytes(32)))
    with other.reading() as tx, pytest.raises(TamperDetected):
        tx.contents.open(blob.id)
    other.close()
