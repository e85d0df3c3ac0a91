"""Prepared statements: made and compiled once, executed often.

In SQLAlchemy a statement visits caches, contexts, cursors and results, which costs many times what SQLite takes for a
row. Where the database is in this process, a prepared statement goes straight to it; on PostgreSQL, whose answer is
waited for anyway, SQLAlchemy executes it.

Earns: 39 % of a message's time of the processor on SQLite, and 1 to 5 % of a page's, over SQLAlchemy Core with the same
statements (measured by bench/shortcuts.py on 2026-11-29).

Written against: SQLAlchemy 2.1.9.

Tested by: tests/database/fast/test_prepared.py.

Used by: database/fast/rows.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.exc import DBAPIError

from app.database.fast.inline import InlineConnection

SQLITE = SQLiteDialect_aiosqlite()


@dataclass(slots=True)
class StatementResult:
    """What came of a statement: the rows it has found, how many it has changed, and the id of the one it has added."""

    rows: Sequence[Sequence[Any]] = ()
    changed: int = -1
    added: int | None = None


class Prepared:
    """A select, or a statement that adds or changes one row, by parameters of these names."""

    def __init__(self, statement: Any, names: Iterable[str]) -> None:
        self.statement = statement
        self.names = list(names)

    def execute(self, connection: Connection, parameters: dict[str, Any]) -> StatementResult:
        """Execute it with the values of its parameters. Raises DBAPIError as SQLAlchemy does."""
        straight: Any = connection.connection.dbapi_connection
        if isinstance(straight, InlineConnection):
            found = self.for_sqlite.execute(straight, parameters)
            if found is not None:
                return found
        result: Any = connection.execute(self.statement, parameters)
        if self.statement.is_select:
            return StatementResult(result.all())
        if self.statement.is_insert:
            return StatementResult(added=result.inserted_primary_key[0])
        return StatementResult(changed=result.rowcount)

    def execute_each(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Execute it with the values of each row, in one trip to a database elsewhere."""
        straight: Any = connection.connection.dbapi_connection
        if len(rows) == 1:
            self.execute(connection, rows[0])
        elif not rows:
            return
        elif not (isinstance(straight, InlineConnection) and self.for_sqlite.execute_each(straight, rows)):
            connection.execute(self.statement, rows)

    @cached_property
    def for_sqlite(self) -> ForSqlite:
        """It in SQLite's words."""
        return ForSqlite(self.statement, self.names)


class ForSqlite:
    """A statement in SQLite's words, with what makes SQLite's values of ours and ours of SQLite's."""

    def __init__(self, statement: Any, names: list[str]) -> None:
        compiled = statement.compile(dialect=SQLITE, column_keys=names)
        self.words: str = compiled.string
        self.constants = {name: bind.value for name, bind in compiled.binds.items() if name not in names}
        self.encode = [
            (name, compiled.binds[name].type.dialect_impl(SQLITE).bind_processor(SQLITE))
            for name in compiled.positiontup
        ]
        columns = statement.selected_columns if statement.is_select else ()
        self.decode = [
            (place, process)
            for place, column in enumerate(columns)
            if (process := column.type.dialect_impl(SQLITE).result_processor(SQLITE, None)) is not None
        ]

    def execute(self, connection: InlineConnection, parameters: dict[str, Any]) -> StatementResult | None:
        """Execute it at once; None when it is not quick."""
        found = self.run(connection, self.encode_row(parameters), connection.run_now)
        if found is None:
            return None
        outcome, rows = found
        return StatementResult([self.read(row) for row in rows], outcome.rowcount, outcome.lastrowid)

    def execute_each(self, connection: InlineConnection, rows: Sequence[dict[str, Any]]) -> bool:
        """Execute it at once with the values of each row. False when another statement is being executed."""
        return self.run(connection, [self.encode_row(row) for row in rows], connection.run_each_now) is not None

    def encode_row(self, parameters: dict[str, Any]) -> tuple[Any, ...]:
        """The values of parameters as SQLite has them."""
        given = {**self.constants, **parameters} if self.constants else parameters
        return tuple([process(given[name]) if process else given[name] for name, process in self.encode])

    def run(self, connection: InlineConnection, values: Any, work: Callable[[str, Any], Any]) -> Any:
        """Execute it, and let its errors look as SQLAlchemy's do."""
        error_class = connection.dbapi.Error
        try:
            return work(self.words, values)
        except error_class as error:
            raise DBAPIError.instance(self.words, values, error, error_class, dialect=SQLITE) from error

    def read(self, row: tuple[Any, ...]) -> Sequence[Any]:
        """A row with values as we have them."""
        if not self.decode:
            return row
        values = list(row)
        for place, process in self.decode:
            values[place] = process(values[place])
        return values
