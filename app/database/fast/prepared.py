"""Prepared statements: made and compiled once, executed often.

In SQLAlchemy a statement visits caches, contexts, cursors and results, which costs many times what SQLite takes for a
row. A prepared statement goes straight to the driver (compiled.py).

Earns: 32 % of a message's time of the processor on SQLite, and 23 to 46 % of a page's, over SQLAlchemy Core with
the same statements (measured by bench/shortcuts.py on 2026-11-29); of it, 4 to 11 % by not waiting for a greenlet.

Written against: SQLAlchemy 2.1.9.

Tested by: tests/database/fast/test_prepared.py.

Used by: database/fast/joined.py, database/fast/queries.py, database/fast/rows.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect

from app.database.fast.compiled import ForPostgresql, ForSqlite, StatementResult
from app.database.fast.inline import InlineConnection

# Of longer lists of values SQLAlchemy makes a statement each time.
LONGEST_LIST = 512


class Prepared:
    """A statement by parameters of these names, of which some may be `lists`, for `IN`."""

    def __init__(self, statement: Any, names: Iterable[str], lists: Iterable[str] = (), *, inline: bool = True) -> None:
        self.inline = inline
        self.statement = statement
        self.names = list(names)
        self.lists = list(lists)
        self.for_sqlite: dict[tuple[int, ...], ForSqlite] = {}
        self.for_postgresql: dict[tuple[int, ...], ForPostgresql] = {}

    def execute(self, connection: Connection, parameters: dict[str, Any]) -> StatementResult:
        """Execute it with the values of its parameters. Raises DBAPIError as SQLAlchemy does."""
        straight: Any = connection.connection.dbapi_connection
        if isinstance(straight, InlineConnection):
            found = self.execute_at_once(straight, parameters)
            if found is not None:
                return found
            if self.statement.is_select and (lengths := self.fill_lists(parameters)) is not None:
                return self.compile_for_sqlite(lengths).execute_in_thread(connection, parameters)
        elif connection.dialect.name == "postgresql" and (lengths := self.fill_lists(parameters)) is not None:
            made = self.for_postgresql.get(tuple(lengths.values()))
            if made is None:
                made = ForPostgresql(self.statement, self.names, lengths, connection.dialect)
                self.for_postgresql[tuple(lengths.values())] = made
            return made.execute(connection, parameters)
        result: Any = connection.execute(self.statement, parameters)
        if self.statement.is_insert:
            return StatementResult(added=result.inserted_primary_key[0])
        if result.returns_rows:
            rows = result.all()
            return StatementResult(rows, len(rows))
        return StatementResult(changed=result.rowcount)

    def execute_at_once(self, straight: InlineConnection, parameters: dict[str, Any]) -> StatementResult | None:
        """Likewise, without waiting for anything; None when it has to be waited for."""
        if not self.inline or (lengths := self.fill_lists(parameters)) is None:
            return None
        return self.compile_for_sqlite(lengths).execute(straight, parameters)

    def execute_each(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Execute it with the values of each row, in one trip to a database elsewhere."""
        straight: Any = connection.connection.dbapi_connection
        if len(rows) == 1:
            self.execute(connection, rows[0])
        elif not rows:
            return
        elif not (isinstance(straight, InlineConnection) and self.compile_for_sqlite({}).execute_each(straight, rows)):
            connection.execute(self.statement, rows)

    def fill_lists(self, parameters: dict[str, Any]) -> dict[str, int] | None:
        """How many values each list has; None for one that is too long for a statement to be kept for as many.

        A statement has other words for each number of values. So that few are kept, lists are filled up to the next
        power of two with what they have already.
        """
        lengths = {}
        for name in self.lists:
            values = parameters[name] = list(parameters[name])
            if len(values) > LONGEST_LIST:
                return None
            lengths[name] = 1 << (len(values) - 1).bit_length() if values else 0
            values.extend(values[-1:] * (lengths[name] - len(values)))
        return lengths

    def compile_for_sqlite(self, lengths: dict[str, int]) -> ForSqlite:
        """It in SQLite's words."""
        made = self.for_sqlite.get(tuple(lengths.values()))
        if made is None:
            made = self.for_sqlite[tuple(lengths.values())] = ForSqlite(self.statement, self.names, lengths)
        return made

    def compile_for_postgresql(self, lengths: dict[str, int], dialect: Dialect) -> ForPostgresql:
        """It in PostgreSQL's words."""
        made = self.for_postgresql.get(tuple(lengths.values()))
        if made is None:
            made = ForPostgresql(self.statement, self.names, lengths, dialect)
            self.for_postgresql[tuple(lengths.values())] = made
        return made
