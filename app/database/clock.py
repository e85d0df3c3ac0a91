"""The clock that leases run by: one for all processes of an installation, in whole milliseconds."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class lease_clock(GenericFunction[int]):
    """The database's clock as an SQL expression: `Record.lock_until > lease_clock()`.

    It only ever measures how long ago something was; what it counts from differs between databases.
    """

    type = BigInteger()
    inherit_cache = True


def read_monotonic_clock() -> int:
    """The clock of an SQLite database, whose processes are all on one machine.

    CPython's monotonic clock is the same for all of a machine's processes, and whoever sets the machine's time does
    not move it.
    """
    return time.monotonic_ns() // 1_000_000


@compiles(lease_clock, "postgresql")
def compile_for_postgresql(element: lease_clock, compiler: Any, **options: Any) -> str:
    """The server's own clock; `now()` would stand still during a transaction."""
    return "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"
