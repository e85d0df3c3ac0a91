"""Limits of selects that SQLite reads as numbers.

To plan a select, SQLite looks at what `LIMIT ?` is bound to, and so plans it anew each time that something is bound
(`exprCompareVariable` and `sqlite3ExprIsInteger` mark the statement in `sqlite3VdbeSetVarmask`; the connection's flag
SQLITE_DBCONFIG_ENABLE_QPSG would end it, and the driver can't set it). A limit that is known is written into the
statement instead, and one that is a parameter is an expression, which it does not look into.

Earns: 7 to 26 % of a page's time of the processor on SQLite: counting what is unread took 1.3 ms of each, now 0.05
(measured by bench/shortcuts.py on 2026-11-29).

Written against: SQLAlchemy 2.1.9, pysqlite3 0.6.1.

Tested by: tests/database/fast/test_limits.py.

Used by: database/fast/compiled.py, database/sqlite.py.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BindParameter, Select
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler


class LimitCompiler(SQLiteCompiler):
    """Makes SQLite's words of a statement, with its limits as numbers."""

    def limit_clause(self, select: Select[Any], **kw: Any) -> str:
        """`LIMIT 50 OFFSET ?`, or `LIMIT 0 + ?` where the limit is made of parameters. One that is an offset alone has
        -1."""
        limit: Any = select._limit_clause
        offset: Any = select._offset_clause
        if limit is None:
            words = "-1"
        elif isinstance(limit, BindParameter) and not limit.required:
            words = self.process(limit, literal_execute=True, **kw)
        else:
            words = "0 + " + self.process(limit, **kw)
        return f"\n LIMIT {words}" + (f" OFFSET {self.process(offset, **kw)}" if offset is not None else "")
