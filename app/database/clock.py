"""The clock that leases run by: one for all processes of an installation, in whole milliseconds."""

from __future__ import annotations

import time

from sqlalchemy import BigInteger
from sqlalchemy.sql.functions import GenericFunction


class lease_clock(GenericFunction[int]):
    """The database's clock as an SQL expression: `Record.lock_until > lease_clock()`.

    It only ever measures how long ago something was; what it counts from differs between databases. On PostgreSQL it
    is a function that migration 0002 makes: the server's own clock, also within a transaction.
    """

    type = BigInteger()
    inherit_cache = True


def read_monotonic_clock() -> int:
    """The clock of an SQLite database, whose processes are all on one machine.

    CPython's monotonic clock is the same for all of a machine's processes, and whoever sets the machine's time does
    not move it.
    """
    return time.monotonic_ns() // 1_000_000
