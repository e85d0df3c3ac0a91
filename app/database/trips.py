"""One trip to SQLite's thread for each statement.

SQLAlchemy makes four of it with aiosqlite: for a cursor, for the statement, for its rows, and for the cursor's end.
Each of them costs more than a small statement does. All rows are read at once here, as they are there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_cursor


@dataclass(slots=True)
class Outcome:
    """What a statement has left, in the words of a cursor (PEP 249)."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    arraysize: int = 1


class OneTripCursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor that exists in SQLite's thread only while its statement runs."""

    __slots__ = ()

    def _make_new_cursor(self, connection: Any) -> Any:
        return Outcome()

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    async def _async_soft_close(self) -> None:
        """Nothing is open any more."""

    def close(self) -> None:
        """Forget the rows."""
        self._rows.clear()

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        await self.travel(lambda cursor: cursor.execute(operation, () if parameters is None else parameters))

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        await self.travel(lambda cursor: cursor.executemany(operation, seq_of_parameters))

    async def travel(self, work: Callable[[Any], Any]) -> None:
        """Do something with a cursor in SQLite's thread, and bring back all that comes of it."""
        connection: Any = self._connection

        def run() -> tuple[Outcome, list[Any]]:
            cursor = connection._conn.cursor()
            try:
                work(cursor)
                rows = cursor.fetchall() if cursor.description else []
                return Outcome(cursor.description, cursor.rowcount, cursor.lastrowid), rows
            finally:
                cursor.close()

        async with self._adapt_connection._execute_mutex:
            outcome, rows = await connection._execute(run)
        self._cursor = outcome
        self._rows = deque(rows)


class OneTripConnection(AsyncAdapt_aiosqlite_connection):
    """A connection whose cursors make one trip."""

    __slots__ = ()

    _cursor_cls = OneTripCursor


def connect(dialect: Any, record: Any, arguments: Any, options: Any) -> OneTripConnection:
    """Open a connection as the dialect does, for the event `do_connect`."""
    opened = dialect.loaded_dbapi.connect(*arguments, **options)
    return OneTripConnection(opened.dbapi, opened._connection)
