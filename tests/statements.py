"""What SQLAlchemy has compiled once, for all engines of a process: each would compile every statement anew, which is
most of what a short test costs. And which statements databases are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import LRUCache

from app.database import postgresql, sqlite
from app.database.fast.compiled import ForPostgresql, ForSqlite

# The first engine of a kind that has connected: what is compiled depends on the dialect, and that on what it met there.
FIRST: dict[Any, Engine] = {}


def share_compiled_statements() -> None:
    """Let all engines that are made from now on share what they compile."""
    postgresql.create_engine = sharing(postgresql.create_engine)
    sqlite.create_engine = sharing(sqlite.create_engine)


@contextmanager
def noting_statements() -> Iterator[list[tuple[str, Any]]]:
    """The statements that databases are given meanwhile, with their parameters: by SQLAlchemy, or past it."""
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    def noting(run: Any) -> Any:
        def note_and_run(self: Any, connection: Any, values: Any, *arguments: Any) -> Any:
            found = run(self, connection, values, *arguments)
            if found is not None:  # otherwise it was interrupted, and comes again (database/fast/inline.py)
                asked.append((self.words, values))
            return found

        return note_and_run

    with pytest.MonkeyPatch.context() as patch:
        for kind in (ForSqlite, ForPostgresql):
            patch.setattr(kind, "run", noting(kind.run))
        event.listen(Engine, "before_cursor_execute", note)
        yield asked
        event.remove(Engine, "before_cursor_execute", note)


def sharing(create_engine: Callable[..., AsyncEngine]) -> Callable[..., AsyncEngine]:
    """A function that makes engines, which share by the function and its arguments but the address."""

    def create(url: str, **options: Any) -> AsyncEngine:
        made = create_engine(url, **options)
        key = create_engine.__module__, *sorted(options.items())
        first = FIRST.get(key)
        if first is None or getattr(first.dialect, "server_version_info", None) is None:
            FIRST[key] = made.sync_engine
            FIRST[key]._compiled_cache = LRUCache(5000)
        else:
            made.sync_engine.dialect = first.dialect
            made.sync_engine._compiled_cache = first._compiled_cache
        return made

    return create
