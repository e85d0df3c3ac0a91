"""Types of columns, and indexes of some rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Index, Integer, String, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.types import TypeDecorator, TypeEngine

# 64 bits on every database: SQLite's INTEGER has them, and only a column of that very type takes ids by itself.
WHOLE_NUMBER: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")

# What the information about an index has where it is of some rows: of which.
PARTIAL = "partial"


def sortable_text(length: int) -> TypeEngine[str]:
    """Text whose order is that of its bytes, whatever the collation of the database."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def partial_index(name: str, *columns: str, where: str) -> Index:
    """An index of the rows for which something holds, on both databases. SQLAlchemy imports all that it has for one as
    soon as it is named: so it is named where it is there."""
    return Index(name, *columns, sqlite_where=text(where), info={PARTIAL: where})


@compiles(CreateIndex, "postgresql")
def create_index_on_postgresql(element: CreateIndex, compiler: Any, **options: Any) -> str:
    """One of some rows is of the same as on SQLite."""
    created: str = compiler.visit_create_index(element, **options)
    where = element.element.info.get(PARTIAL)
    return created if where is None else f"{created} WHERE {where}"


def now() -> datetime:
    """This moment in UTC, aware."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC, on databases with and without time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: D102
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: D102
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: D102
        if dialect.name == "sqlite":  # in one call instead of three: a row has many moments
            return read_stored_moment
        return super().result_processor(dialect, coltype)


def read_stored_moment(value: str | None) -> datetime | None:
    """A moment as SQLite has it: a text, without a zone unless somebody has written one by hand."""
    if value is None:
        return None
    found = datetime.fromisoformat(value)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
