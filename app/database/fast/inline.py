"""Statements that are run inline, within a time budget; others go to SQLite's thread, once each.

SQLAlchemy goes there four times for each statement with aiosqlite: for a cursor, for the statement, for its rows, and
for the cursor's end. Each way there costs ten times what a small statement does. So what can't take long is done where
it is asked for: adding a row or changing one by its key, and reading, which is interrupted when it does take long, and
done again in the thread. Beginning to write is tried there too, and is waited for in the thread where another process
writes. What waits for the disk, and what may change many rows, goes to the thread at once.

Earns: 37 to 62 % of a page's time of the processor, and 48 % of a message's, with the prepared statements that need it
(measured by bench/shortcuts.py on 2026-11-29).

Written against: SQLAlchemy 2.1.9, aiosqlite 0.22.1.

Tested by: tests/database/fast/test_inline.py.

Used by: database/sqlite.py, database/transaction.py, database/fast/compiled.py, database/fast/prepared.py,
database/fast/queries.py.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from msgspec import Struct
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_cursor
from sqlalchemy.util import await_

# How long reading may keep the event loop, in seconds, and how many steps of SQLite's machine lie between two looks at
# the time (some 0.1 ms).
TIME_BUDGET = 0.002
PROGRESS_STEPS = 2000
INTERRUPTED = 9  # SQLITE_INTERRUPT (https://www.sqlite.org/rescode.html#interrupt)


class StatementOutcome(Struct):
    """What a statement has left, in the words of a cursor (PEP 249)."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    arraysize: int = 1


class InlineCursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor that exists only while its statement runs. All rows are read at once."""

    __slots__ = ()

    def _make_new_cursor(self, connection: Any) -> Any:
        return StatementOutcome()

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    async def _async_soft_close(self) -> None:
        """Nothing is open any more."""

    def close(self) -> None:
        """Forget the rows."""
        self._rows.clear()

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        words = () if parameters is None else parameters
        await self.run_outside(lambda cursor: cursor.execute(operation, words), operation)

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        await self.run_outside(lambda cursor: cursor.executemany(operation, seq_of_parameters))

    async def run_outside(self, work: Callable[[Any], Any], operation: str = "") -> None:
        """Do something with a cursor, in SQLite's thread unless it is quick, and keep all that comes of it."""
        connection: Any = self._connection
        run = partial(run_in_cursor, connection._conn, work)
        here: Any = self._adapt_connection
        async with here._execute_mutex:
            if operation == "BEGIN" or (operation.startswith("INSERT") and ") SELECT " not in operation):
                found: Any = run()
            else:
                found = operation.startswith("SELECT") and here.budget.run_in_time(run)
                found = found or await connection._execute(run)
        self._cursor, rows = found
        self._rows = deque(rows)


def run_in_cursor(connection: Any, work: Callable[[Any], Any]) -> tuple[StatementOutcome, list[Any]]:
    """Do something with a cursor of SQLite's, and give all that comes of it."""
    cursor = connection.cursor()
    try:
        work(cursor)
        rows = cursor.fetchall() if cursor.description else []
        return StatementOutcome(cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()


Ran = tuple[StatementOutcome, list[Any]]


class TimeBudget:
    """Interrupts what a connection reads when it keeps the event loop for too long."""

    def __init__(self, connection: Any) -> None:
        self.until = float("inf")
        connection.set_progress_handler(self.is_over, PROGRESS_STEPS)

    def is_over(self) -> bool:
        """Whether to interrupt. SQLite asks this while it works."""
        return time.perf_counter() > self.until

    def run_in_time(
        self, run: Callable[[], tuple[StatementOutcome, list[Any]]]
    ) -> tuple[StatementOutcome, list[Any]] | None:
        """Read at once; None when that was interrupted. (Interrupting a change would undo the whole transaction.)"""
        self.until = time.perf_counter() + TIME_BUDGET
        try:
            return run()
        except Exception as error:
            if getattr(error, "sqlite_errorcode", None) == INTERRUPTED:
                return None
            raise
        finally:
            self.until = float("inf")


class InlineConnection(AsyncAdapt_aiosqlite_connection):
    """A connection whose cursors go to its thread once at most. One that `reads` writes nothing. What was `interrupted`
    as it took too long is not begun here once more."""

    __slots__ = ("budget", "interrupted", "patience", "reads")

    budget: TimeBudget
    interrupted: str
    patience: int
    reads: bool

    _cursor_cls = InlineCursor

    @property
    def is_busy(self) -> bool:
        """Whether a statement is being executed."""
        locked: bool = self._execute_mutex.locked()
        return locked

    def run_now(self, operation: str, parameters: tuple[Any, ...]) -> tuple[StatementOutcome, list[Any]] | None:
        """Execute a statement that reads, or writes one row.

        None when reading takes long, or another statement is being executed: then it has to go the way of all.
        """
        interrupted, self.interrupted = self.interrupted, ""
        if self.is_busy or interrupted == operation:
            return None
        connection: Any = self._connection
        run = partial(run_in_cursor, connection._conn, lambda cursor: cursor.execute(operation, parameters))
        found = self.budget.run_in_time(run) if operation.startswith("SELECT") else run()
        if found is None:
            self.interrupted = operation
        return found

    def run_in_thread(self, operation: str, parameters: tuple[Any, ...]) -> tuple[StatementOutcome, list[Any]]:
        """Execute a statement in the connection's thread, which is waited for."""
        return cast("tuple[StatementOutcome, list[Any]]", await_(self._run_in_thread(operation, parameters)))

    async def _run_in_thread(self, operation: str, parameters: tuple[Any, ...]) -> Any:
        connection: Any = self._connection
        run = partial(run_in_cursor, connection._conn, lambda cursor: cursor.execute(operation, parameters))
        async with self._execute_mutex:
            return await connection._execute(run)

    def run_each_now(self, operation: str, rows: list[tuple[Any, ...]]) -> tuple[StatementOutcome, list[Any]] | None:
        """Execute a statement that adds a row, for each of some; None when another one is being executed."""
        if self.is_busy:
            return None
        connection: Any = self._connection
        return run_in_cursor(connection._conn, lambda cursor: cursor.executemany(operation, rows))

    def begin_now(self, words: str) -> bool:
        """Begin to read, or to write if no other process does. False when that failed, as who has to wait does so in
        the thread, and errors are to look as SQLAlchemy's do: then it has to go the way of all."""
        connection: Any = self._connection
        straight = connection._conn
        try:
            if not self.reads:
                straight.execute("PRAGMA busy_timeout = 0")
            straight.execute(words)
        except self.dbapi.Error:
            return False
        finally:
            if not self.reads:
                straight.execute(f"PRAGMA busy_timeout = {self.patience}")
        return True

    @property
    def ends_at_once(self) -> bool:
        """Whether a transaction ends without waiting for anything: it has only read, and nothing reads any more."""
        return self.reads and not self.is_busy

    def rollback(self) -> None:
        """Undo the transaction, if there is one: the pool asks for it each time that a connection comes back.

        Where nothing can have been written, that does not wait for the disk.
        """
        connection: Any = self._connection
        if not connection._conn.in_transaction:
            return
        if self.ends_at_once:
            connection._conn.rollback()
        else:
            super().rollback()


def connect(dialect: Any, record: Any, arguments: Any, options: Any, *, reads: bool, patience: int) -> InlineConnection:
    """Open a connection as the dialect does, for the event `do_connect`; one that writes nothing `reads`. It waits for
    who else writes to the file for so many milliseconds."""
    opened = dialect.loaded_dbapi.connect(*arguments, **options)
    connection = InlineConnection(opened.dbapi, opened._connection)
    connection.reads = reads
    connection.patience = patience
    connection.interrupted = ""
    connection.budget = TimeBudget(opened._connection._conn)
    return connection
