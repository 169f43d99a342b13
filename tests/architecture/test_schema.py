"""A store made from the tables equals a store made by all migrations, triggers included."""

from sqlalchemy import Connection, inspect, text

from countersign.adapters.sql import tables, triggers
from countersign.adapters.sql.engine import connect, create_all, version_of
from countersign.adapters.sql.migrations.run import migrate


def picture(connection: Connection) -> dict:
    """Everything the database says about its schema, in an order of our own."""
    look = inspect(connection)
    names = sorted(look.get_table_names())
    drawn = {
        name: {
            "columns": [{**column, "type": str(column["type"])} for column in look.get_columns(name)],
            "key": look.get_pk_constraint(name),
            "foreign": sorted(look.get_foreign_keys(name), key=str),
            "unique": sorted(look.get_unique_constraints(name), key=str),
            "indexes": sorted(look.get_indexes(name), key=str),
            "comment": look.get_table_comment(name) if connection.dialect.supports_comments else None,
        }
        for name in names
    }
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        drawn["statements"] = {name: " ".join(sql.split()) for name, sql in connection.execute(text(query))}
    return {"tables": drawn, "triggers": triggers.installed(connection)}


def drawn_by(url: str, make) -> dict:
    engine = connect(url)
    with engine.begin() as connection:
        make(connection)
        result = picture(connection)
        assert tables.SCHEMA_VERSION == version_of(connection)
        connection.rollback()
    engine.dispose()
    return result


def test_tables_equal_migrations(database):
    from_tables, from_migrations = drawn_by(database, create_all), drawn_by(database, migrate)

    assert from_migrations == from_tables
    assert len(from_tables["triggers"]) >= 2 * len(tables.APPEND_ONLY)
    assert len(from_tables["tables"]) >= len(tables.metadata.tables)


def test_migrated_stores_are_guarded(database):
    engine = connect(database)
    with engine.begin() as connection:
        migrate(connection)
        names = [table.name for table in tables.APPEND_ONLY]
        triggers.ensure_guarded(connection, names, tables.PERMITTED, tables.ERASABLE)
        connection.rollback()
    engine.dispose()
