"""Statements in a database's own words, and what makes its values of ours, and ours of its own.

Both drivers are asked here without a cursor, a context and a result of SQLAlchemy's between: SQLite's at once, and
asyncpg's by a statement that the server keeps, too. Errors look as SQLAlchemy's do.

Earns: on PostgreSQL, 26 to 31 % of a page's time of the processor and 20 to 25 % of a save's and a message's, over
the same statements by SQLAlchemy Core (base and change in turn, on 2026-11-29); on SQLite what prepared.py says.

Written against: SQLAlchemy 2.1.9, asyncpg 0.32.0, aiosqlite 0.22.1.

Tested by: tests/database/fast/test_prepared.py.

Used by: database/fast/prepared.py, database/fast/queries.py, database/fast/side_by_side.py, database/transaction.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_

from app.database.fast.inline import InlineConnection
from app.database.fast.limits import LimitCompiler

SQLITE = SQLiteDialect_aiosqlite()
SQLITE.statement_compiler = LimitCompiler


class StatementResult(Struct):
    """What came of a statement: the rows it has found, how many it has changed, and the id of the one it has added."""

    rows: Sequence[Sequence[Any]] = ()
    changed: int = -1
    added: int | None = None


class CompiledStatement:
    """A statement in the words of a dialect, for lists of these lengths."""

    def __init__(self, statement: Any, names: list[str], lengths: dict[str, int], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=names)
        expanded = compiled.construct_expanded_state({name: [None] * lengths.get(name, 0) for name in names})
        origin = {part: name for name, parts in expanded.parameter_expansion.items() for part in parts}
        self.is_insert: bool = statement.is_insert
        self.words: str = expanded.statement
        part_of = {part: at for parts in expanded.parameter_expansion.values() for at, part in enumerate(parts)}
        # What every execution has at its place; what is made anew for each, once for all of its places; and what is
        # given, by its name, of which lists have a value at each of their places.
        self.constants: list[Any] = []
        made: dict[str, tuple[list[int], Callable[[], Any], Callable[[Any], Any] | None]] = {}
        self.given: list[tuple[int, str, Callable[[Any], Any] | None]] = []
        self.listed: list[tuple[int, str, int, Callable[[Any], Any] | None]] = []
        for place, each in enumerate(expanded.positiontup):
            name = origin.get(each, each)
            bind = compiled.binds[name]
            process = bind.type.dialect_impl(dialect).bind_processor(dialect)
            self.constants.append(None)
            if each in origin and name in names:
                self.listed.append((place, name, part_of[each], process))
            elif name in names:
                self.given.append((place, name, process))
            elif bind.callable is not None:
                made.setdefault(name, ([], bind.callable, process))[0].append(place)
            else:
                value = expanded.parameters[each]
                self.constants[place] = process(value) if process else value
        self.made = list(made.values())
        columns = statement.selected_columns if statement.is_select else statement.exported_columns
        # Whether what makes values of ours is asked for nothing, too: most types have None for that.
        self.decode = [
            (place, process, process(None) is not None)
            for place, column in enumerate(columns)
            if (process := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]

    def encode_row(self, parameters: dict[str, Any]) -> tuple[Any, ...]:
        """The values of parameters as the database has them."""
        values = self.constants.copy()
        for places, make, process in self.made:
            value = process(make()) if process else make()
            for place in places:
                values[place] = value
        for place, name, process in self.given:
            values[place] = process(parameters[name]) if process else parameters[name]
        for place, name, at, process in self.listed:
            value = parameters[name][at]
            values[place] = process(value) if process else value
        return tuple(values)

    def read(self, row: Sequence[Any]) -> Sequence[Any]:
        """A row with values as we have them."""
        values: list[Any] | None = None
        for place, process, also_nothing in self.decode:
            value = row[place]
            if value is not None or also_nothing:
                if values is None:
                    values = list(row)
                values[place] = process(value)
        return row if values is None else tuple(values)


class ForSqlite(CompiledStatement):
    """A statement for SQLite, which is in this process."""

    def __init__(self, statement: Any, names: list[str], lengths: dict[str, int]) -> None:
        super().__init__(statement, names, lengths, SQLITE)

    def execute(self, connection: InlineConnection, parameters: dict[str, Any]) -> StatementResult | None:
        """Execute it at once; None when it is not quick."""
        found = self.run(connection, self.encode_row(parameters), connection.run_now)
        if found is None:
            return None
        outcome, rows = found
        return StatementResult([self.read(row) for row in rows], outcome.rowcount, outcome.lastrowid)

    def execute_in_thread(self, connection: Connection, parameters: dict[str, Any]) -> StatementResult:
        """Execute it in SQLite's thread, which is waited for. SQLAlchemy is told when that is given up, as below."""
        straight: Any = connection.connection.dbapi_connection
        values = self.encode_row(parameters)
        try:
            outcome, rows = self.run(straight, values, straight.run_in_thread)
        except DBAPIError:
            raise
        except BaseException as error:
            connection._handle_dbapi_exception(error, self.words, values, None, None)
        return StatementResult([self.read(row) for row in rows], outcome.rowcount, outcome.lastrowid)

    def execute_each(self, connection: InlineConnection, rows: Sequence[dict[str, Any]]) -> bool:
        """Execute it at once with the values of each row. False when another statement is being executed."""
        return self.run(connection, [self.encode_row(row) for row in rows], connection.run_each_now) is not None

    def run(self, connection: InlineConnection, values: Any, work: Callable[[str, Any], Any]) -> Any:
        """Execute it, and let its errors look as SQLAlchemy's do."""
        error_class = connection.dbapi.Error
        try:
            return work(self.words, values)
        except error_class as error:
            raise DBAPIError.instance(self.words, values, error, error_class, dialect=SQLITE) from error


class ForPostgresql(CompiledStatement):
    """A statement for PostgreSQL, which keeps it by a name for each connection."""

    def execute(self, connection: Connection, parameters: dict[str, Any]) -> StatementResult:
        """Execute it, which is waited for. Raises DBAPIError as SQLAlchemy does."""
        found, status = self.fetch(connection, self.encode_row(parameters))
        rows = [self.read(row) for row in found]
        count = status.rpartition(" ")[2]
        added = rows[0][0] if self.is_insert and rows else None
        return StatementResult(rows, int(count) if count.isdigit() else -1, added)

    def fetch(self, connection: Connection, values: tuple[Any, ...]) -> tuple[Sequence[Any], str]:
        """Execute it with values as the database has them: the rows, and what the server says was done.

        SQLAlchemy is told of every exception: a task that is cancelled while it waits leaves a connection of which
        nobody knows whether it is in a transaction, and asyncpg would make the next one a savepoint of that.
        """
        straight: Any = connection.connection.dbapi_connection
        dialect: Any = connection.dialect
        try:
            fetched: tuple[Sequence[Any], str] = await_(
                self.run(straight, values, dialect._invalidate_schema_cache_asof)
            )
        except BaseException as error:
            if isinstance(error, dialect.dbapi.InvalidCachedStatementError | dialect.dbapi.InternalServerError):
                dialect._invalidate_schema_cache()
            connection._handle_dbapi_exception(error, self.words, values, None, None)
        return fetched

    async def run(self, connection: Any, values: Any, kept_since: float) -> tuple[Any, str]:
        """Execute it, as a cursor of SQLAlchemy's does: the rows that were found, and what the server says was done."""
        async with connection._execute_mutex:
            if connection._transaction is None:
                await connection._start_transaction()
            try:
                prepared, _ = await connection._prepare(self.words, kept_since)
                return await prepared.fetch(*values), prepared.get_statusmsg() or ""
            except Exception as error:
                connection._handle_exception(error)
        raise AssertionError
