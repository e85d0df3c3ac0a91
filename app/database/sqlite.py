"""SQLite as this program needs it: a safe version, write-ahead log, and transactions that begin as we say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

try:
    # SQLite 3.7.0 to 3.51.2 can corrupt a database in WAL mode with several connections, and Debian's Python links
    # one of them. The wheel brings a newer one; it stands in before anything has imported the standard module.
    import pysqlite3

    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2
except ImportError:  # no wheel for this platform: check_version decides
    pass

import sqlite3

import sqlalchemy
from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from app.database import clock
from app.database.fast import inline
from app.database.fast.limits import LimitCompiler

BEGIN_READING = "BEGIN"
SAFE_VERSION = (3, 51, 3)
# What was committed outlives a crash of the machine.
SYNCHRONOUS = "FULL"
# How long to wait, in seconds: for a connection, and then for who else writes to the file.
BUSY_TIMEOUT = 10
# KiB of pages of the file that a connection keeps at the most. Those who read map most of them instead.
KEPT_PAGES = 32_000
# How many statements a connection keeps as SQLite has planned them: as many as there are on all pages.
CACHED_STATEMENTS = 512


def check_version() -> None:
    """Raise RuntimeError when the linked SQLite has the WAL-reset bug (https://sqlite.org/wal.html#walresetbug)."""
    if sqlite3.sqlite_version_info < SAFE_VERSION:
        wanted = ".".join(map(str, SAFE_VERSION))
        raise RuntimeError(f"SQLite {wanted} or newer is needed, this Python links {sqlite3.sqlite_version}")


def create_engine(url: str, *, begin: str, pool_size: int) -> AsyncEngine:
    """An engine whose transactions start with `begin`: BEGIN for readers, BEGIN IMMEDIATE for the one writer.

    The driver's own habit (a transaction only at the first write) gives stale reads and 'database is locked'.
    """
    check_version()
    engine = create_async_engine(
        url,
        connect_args={
            "isolation_level": None,
            "check_same_thread": False,  # fast/inline.py takes turns
            "cached_statements": CACHED_STATEMENTS,
        },
        poolclass=AsyncAdaptedQueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT,
    )

    engine.dialect.statement_compiler = LimitCompiler
    event.listen(
        engine.sync_engine,
        "do_connect",
        partial(inline.connect, reads=begin == BEGIN_READING, patience=BUSY_TIMEOUT * 1000),
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {SYNCHRONOUS}",
            "foreign_keys = ON",
            f"busy_timeout = {BUSY_TIMEOUT * 1000}",
            f"cache_size = -{KEPT_PAGES}",
            "mmap_size = 268435456",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        connection.create_function("lease_clock", 0, lambda: clock.read_monotonic_clock())

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        if not connection.connection.dbapi_connection.begin_now(begin):
            connection.exec_driver_sql(begin)

    return engine


@contextmanager
def open_snapshot(path: Path) -> Iterator[Connection]:
    """A file as it is now; nobody writes to it meanwhile."""
    check_version()
    engine = sqlalchemy.create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT}
    )

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
