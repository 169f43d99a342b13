"""Both databases for the tests of this folder."""

from databases import database, postgres_database, sqlite_database, store

__all__ = ["database", "postgres_database", "sqlite_database", "store"]
