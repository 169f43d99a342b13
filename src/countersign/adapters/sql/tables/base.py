"""What every table is made of, and the store's own."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION = "0004"
NO_TIME = -(2**63)  # in a sighting: the record has no readable time

# An "integer primary key" is SQLite's own row number: no second tree.
Key = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()


class Utf8(TypeDecorator[str]):
    """Text kept as its UTF-8 bytes; any code point, lone surrogates too."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return None if value is None else to_utf8(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return None if value is None else from_utf8(value)


def to_utf8(text: str) -> bytes:
    """The bytes that `Utf8` keeps."""
    return text.encode("utf-8", "surrogatepass")


def from_utf8(raw: bytes) -> str:
    """The text that `Utf8` kept."""
    return bytes(raw).decode("utf-8", "surrogatepass")


def column(name: str, kind: Any, *rest: Any, nullable: bool = False, **options: Any) -> Column[Any]:
    """A column that holds something, unless it says otherwise."""
    return Column(name, kind, *rest, nullable=nullable, **options)


meta = Table(
    "meta",
    metadata,
    column("name", String(64), primary_key=True),
    column("value", LargeBinary),
    comment="this store's own secrets and settings",
)

alembic_version = Table(
    "alembic_version",
    metadata,
    column("version_num", String(32)),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
