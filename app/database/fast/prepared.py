"""Prepared statements: made and compiled once, executed often.

In SQLAlchemy a statement visits caches, contexts, cursors and results, which costs many times what SQLite takes for a
row. Where the database is in this process, a prepared statement goes straight to it; on PostgreSQL, whose answer is
waited for anyway, SQLAlchemy executes it.

Earns: 32 % of a message's time of the processor on SQLite, and 23 to 46 % of a page's, over SQLAlchemy Core with
the same statements (measured by bench/shortcuts.py on 2026-11-29); of it, 4 to 11 % by not waiting for a greenlet.

Written against: SQLAlchemy 2.1.9.

Tested by: tests/database/fast/test_prepared.py.

Used by: database/fast/queries.py, database/fast/rows.py, database/transaction.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.exc import DBAPIError

from app.database.fast.inline import InlineConnection
from app.database.fast.limits import LimitCompiler

SQLITE = SQLiteDialect_aiosqlite()
SQLITE.statement_compiler = LimitCompiler
# Of longer lists of values SQLAlchemy makes a statement each time.
LONGEST_LIST = 512


@dataclass(slots=True)
class StatementResult:
    """What came of a statement: the rows it has found, how many it has changed, and the id of the one it has added."""

    rows: Sequence[Sequence[Any]] = ()
    changed: int = -1
    added: int | None = None


class Prepared:
    """A statement by parameters of these names, of which some may be `lists`, for `IN`."""

    def __init__(self, statement: Any, names: Iterable[str], lists: Iterable[str] = (), *, inline: bool = True) -> None:
        self.inline = inline
        self.statement = statement
        self.names = list(names)
        self.lists = list(lists)
        self.shapes: dict[tuple[int, ...], ForSqlite] = {}

    def execute(self, connection: Connection, parameters: dict[str, Any]) -> StatementResult:
        """Execute it with the values of its parameters. Raises DBAPIError as SQLAlchemy does."""
        straight: Any = connection.connection.dbapi_connection
        found = self.execute_at_once(straight, parameters) if isinstance(straight, InlineConnection) else None
        if found is not None:
            return found
        result: Any = connection.execute(self.statement, parameters)
        if self.statement.is_insert:
            return StatementResult(added=result.inserted_primary_key[0])
        if result.returns_rows:
            rows = result.all()
            return StatementResult(rows, len(rows))
        return StatementResult(changed=result.rowcount)

    def execute_at_once(self, straight: InlineConnection, parameters: dict[str, Any]) -> StatementResult | None:
        """Likewise, without waiting for anything; None when it has to be waited for."""
        if self.lists:
            parameters |= {name: list(parameters[name]) for name in self.lists}
        if not self.inline or not self.is_short(parameters):
            return None
        return self.for_sqlite(parameters).execute(straight, parameters)

    def execute_each(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Execute it with the values of each row, in one trip to a database elsewhere."""
        straight: Any = connection.connection.dbapi_connection
        if len(rows) == 1:
            self.execute(connection, rows[0])
        elif not rows:
            return
        elif not (isinstance(straight, InlineConnection) and self.for_sqlite({}).execute_each(straight, rows)):
            connection.execute(self.statement, rows)

    def is_short(self, parameters: dict[str, Any]) -> bool:
        """Whether its lists are short enough for a statement to be kept for as many values."""
        return all(len(parameters[name]) <= LONGEST_LIST for name in self.lists)

    def for_sqlite(self, parameters: dict[str, Any]) -> ForSqlite:
        """It in SQLite's words, which are others for each number of values in its lists.

        So that few are kept, lists are filled up to the next power of two with what they have already.
        """
        lengths = []
        for name in self.lists:
            values = parameters[name]
            length = 1 << (len(values) - 1).bit_length() if values else 0
            values.extend(values[-1:] * (length - len(values)))
            lengths.append(length)
        shape = tuple(lengths)
        made = self.shapes.get(shape)
        if made is None:
            made = self.shapes[shape] = ForSqlite(self.statement, self.names, dict(zip(self.lists, shape, strict=True)))
        return made


class ForSqlite:
    """A statement in SQLite's words, with what makes SQLite's values of ours and ours of SQLite's.

    It is for lists of these lengths.
    """

    def __init__(self, statement: Any, names: list[str], lengths: dict[str, int]) -> None:
        compiled = statement.compile(dialect=SQLITE, column_keys=names)
        expanded = compiled.construct_expanded_state({name: [None] * lengths.get(name, 0) for name in names})
        origin = {part: name for name, parts in expanded.parameter_expansion.items() for part in parts}
        self.words: str = expanded.statement
        self.lists = [(name, expanded.parameter_expansion[name]) for name in lengths]
        self.constants: dict[str, Any] = {}
        self.made: list[tuple[str, Callable[[], Any]]] = []
        self.encode: list[tuple[str, Callable[[Any], Any] | None]] = []
        for each in expanded.positiontup:
            bind = compiled.binds[origin.get(each, each)]
            process = bind.type.dialect_impl(SQLITE).bind_processor(SQLITE)
            if origin.get(each, each) not in names:
                if bind.callable is not None:
                    self.made.append((each, bind.callable))
                else:
                    value = expanded.parameters[each]
                    self.constants[each], process = process(value) if process else value, None
            self.encode.append((each, process))
        columns = statement.selected_columns if statement.is_select else statement.exported_columns
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
        for name, make in self.made:
            given[name] = make()
        for name, parts in self.lists:
            given |= zip(parts, parameters[name], strict=True)
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
        return tuple(values)
