"""Copying all rows from SQLite to PostgreSQL, and the proof that they are the same there.

Rows are read and written through the models' types, so that both sides have the same values in Python. A row becomes
one canonical line of JSON, and a table one digest over its lines in the order of its primary key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    MetaData,
    Row,
    Table,
    func,
    insert,
    null,
    select,
    text,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError

from app.database import postgresql
from app.database.fulltext import FullText, list_lexemes, type_of

# Rows that are in memory at once.
CHUNK = 2000


class CopyError(Exception):
    """The rows can't be copied, or are not the same; the message is one line for the person who moves them."""


class Compared(Struct, frozen=True):
    """What a table is on both sides: how many rows, and the digest over them (SHA-256, in hexadecimal)."""

    table: str
    rows: int
    digest: str


def copy_tables(source: Connection, target: Connection, metadata: MetaData, *, role: str) -> list[Compared]:
    """Copy all rows into empty tables of the same version, compare them, and say what was compared.

    `source` is in one transaction, so that it is one snapshot. So is `target`, connected as the owner of the tables;
    `role` is the program's. Nothing may be kept of that transaction when this raises.

    Raises CopyError when there are rows in the target, when it can't hold a value of the source, or when a table does
    not come out the same.
    """
    postgresql.open_for_migration(target)
    tables = sorted(metadata.tables.values(), key=lambda table: table.name)
    names = ", ".join(quote(target, table) for table in tables)
    target.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
    filled = [table.name for table in tables if target.execute(select(1).select_from(table).limit(1)).first()]
    if filled:
        raise CopyError(f"the database to move to is not empty: there are rows in {', '.join(filled)}")
    references = drop_references(target)
    digests = {table.name: copy_table(source, target, table) for table in tables}
    for statement in references:
        try:
            target.execute(text(statement))
        except DBAPIError as error:
            raise CopyError(f"rows refer to rows that are not there: {describe_database_error(error)}") from error
    for table in tables:
        set_sequence(source, target, table)
    compared = []
    for table in tables:
        came = digest_table(target, table)
        if came != digests[table.name]:
            raise CopyError(
                f"{table.name} did not come out the same: {digests[table.name].rows} rows became {came.rows}"
            )
        compared.append(came)
    postgresql.protect(target, role)
    target.execute(text("ANALYZE"))
    return compared


def copy_table(source: Connection, target: Connection, table: Table) -> Compared:
    """Copy the rows of one table, and say what they are at the source."""
    digest = Digest(table)
    for rows in read_table(source, table):
        for row in rows:
            digest.add(row)
        try:
            target.execute(insert(table), [bind_row(table, row) for row in rows])
        except DBAPIError as error:
            raise CopyError(f"{table.name} has what PostgreSQL can't hold: {describe_database_error(error)}") from error
    return digest.compared


def digest_table(connection: Connection, table: Table) -> Compared:
    """What the rows of one table are.

    Going back to a savepoint closes the cursor that they are read by: an open one would keep the table as it is.
    """
    digest = Digest(table)
    savepoint = connection.begin_nested()
    for rows in read_table(connection, table):
        for row in rows:
            digest.add(row)
    savepoint.rollback()
    return digest.compared


class Digest:
    """A digest over the rows of a table, one after another."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.count = 0
        self.sum = hashlib.sha256()

    def add(self, row: Row[Any]) -> None:
        """Take the next row."""
        self.count += 1
        values = [canonical(column, value) for column, value in zip(self.table.columns, row, strict=True)]
        self.sum.update(json.dumps(values, ensure_ascii=True, sort_keys=True).encode() + b"\n")

    @property
    def compared(self) -> Compared:
        """What was taken until now."""
        return Compared(self.table.name, self.count, self.sum.hexdigest())


def canonical(column: Column[Any], value: Any) -> Any:
    """A value as JSON has it, the same for what is the same and different for what is not."""
    if value is None:
        return None
    if isinstance(column.type, FullText):
        return list_lexemes(value) if isinstance(value, str) else sorted(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value


def read_table(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    """All rows in the order of the primary key, in chunks.

    Raises CopyError for a value that is not of its column's type.
    """
    statement = select(*(readable(connection, column) for column in table.columns))
    statement = statement.order_by(*(ordered(connection, column) for column in table.primary_key.columns))
    chunks = connection.execute(statement, execution_options={"yield_per": CHUNK}).partitions()
    while True:
        try:
            rows = next(chunks, None)
        except ValueError as error:
            raise CopyError(f"{table.name} has what can't be read: {error}") from error
        if rows is None:
            return
        yield rows


def readable(connection: Connection, column: Column[Any]) -> Any:
    """A column as it is compared: of a full-text index on PostgreSQL the words."""
    if isinstance(column.type, FullText) and connection.dialect.name == "postgresql":
        return func.tsvector_to_array(type_coerce(column, type_of(connection.dialect, "tsvector")))
    return column


def ordered(connection: Connection, column: Column[Any]) -> Any:
    """A column in the order of bytes, on both databases the same."""
    if connection.dialect.name == "postgresql" and column.type.python_type is str:
        return column.collate("C")
    return column


def bind_row(table: Table, row: Row[Any]) -> dict[str, Any]:
    """A row as it is written; what is NULL stays NULL, also where JSON has a null of its own."""
    return {
        column.key: null() if value is None and isinstance(column.type, JSON) else value
        for column, value in zip(table.columns, row, strict=True)
    }


def drop_references(connection: Connection) -> list[str]:
    """Drop the foreign keys, so that rows may come in any order; the statements that make them again."""
    found = connection.execute(
        text(
            "SELECT conrelid::regclass::text AS of_table, quote_ident(conname) AS name,"
            " pg_get_constraintdef(oid) AS rule"
            " FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
            " ORDER BY conrelid::regclass::text, conname"
        )
    ).all()
    for row in found:
        connection.execute(text(f"ALTER TABLE {row.of_table} DROP CONSTRAINT {row.name}"))
    return [f"ALTER TABLE {row.of_table} ADD CONSTRAINT {row.name} {row.rule}" for row in found]


def set_sequence(source: Connection, target: Connection, table: Table) -> None:
    """Let new rows get ids that no row has, or had: SQLite counts those of deleted rows too."""
    column = table.autoincrement_column
    if column is None:
        return
    name = quote(target, table)
    sequence = target.scalar(select(func.pg_get_serial_sequence(name, column.name)))
    if sequence is None:
        return
    highest = target.scalar(select(func.max(column))) or 0
    counted = source.scalar(text("SELECT max(seq) FROM sqlite_sequence WHERE name = :name").bindparams(name=table.name))
    highest = max(highest, counted or 0)
    if highest:
        target.execute(select(func.setval(sequence, highest)))


def quote(connection: Connection, table: Table) -> str:
    """A table's name as it is written in a statement."""
    return connection.dialect.identifier_preparer.format_table(table)


def describe_database_error(error: DBAPIError) -> str:
    """What the database says, in one line."""
    return str(error.orig).splitlines()[0]
