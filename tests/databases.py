"""Both databases, empty, for every test that asks for a store."""

import os
import secrets

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from countersign.adapters.keys import HomeSealer
from countersign.adapters.sql import open_store, sqlite_url

POSTGRES = os.environ.get("COUNTERSIGN_TEST_POSTGRES", "postgresql+psycopg://127.0.0.1:5432/test")

VAULT = HomeSealer(bytes(range(32)))  # of a store without a home


@pytest.fixture
def sqlite_database(tmp_path):
    return sqlite_url(tmp_path / "store.db")


def fresh_schema():
    """The URL of a schema of its own, dropped afterwards."""
    engine = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    schema = f"countersign_test_{secrets.token_hex(6)}"
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except SQLAlchemyError:
        if os.environ.get("CI"):
            raise
        pytest.skip("no PostgreSQL to test with")
    yield f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}options=-csearch_path%3D{schema}"
    with engine.connect() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def postgres_database():
    """A schema of its own, dropped afterwards."""
    yield from fresh_schema()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    """The URL of an empty database."""
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def store(database):
    opened = open_store(database, VAULT)
    yield opened
    opened.close()
