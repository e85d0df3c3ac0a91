"""Rows that one worker does something with at a time: due at a moment, claimed by a lease.

It is a conditional UPDATE on the row, the same on SQLite and PostgreSQL. A worker that dies loses its lease by time;
one that comes back too late finds that the lease is not its own any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from app.database.clock import lease_clock
from app.database.fast.queries import PreparedSelect
from app.database.transaction import Transaction
from app.database.types import UtcDateTime, now

# No lease is believed that ends later than this, in seconds: the clock of SQLite begins anew with the machine.
LONGEST_LEASE = 3600


class Leased:
    """Mixin of a row that is due at a moment. `lease` counts the claims: who has the newest may settle it."""

    id: Mapped[int] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    lease: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    leased_until: Mapped[int | None] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))


# When a statement is executed, also one that was made before.
LEASE_MOMENT = bindparam("moment_of_lease", callable_=now, type_=UtcDateTime())

LeasedRow = TypeVar("LeasedRow", bound=Leased)


class LeaseLost(Exception):
    """Somebody else has claimed the row since. Nothing was changed."""


def is_free(model: type[Leased]) -> ColumnElement[bool]:
    """Whether no lease runs on a row."""
    clock = lease_clock()
    return or_(
        model.leased_until.is_(None), model.leased_until <= clock, model.leased_until > clock + LONGEST_LEASE * 1000
    )


def is_due(model: type[Leased]) -> ColumnElement[bool]:
    """Whether a row's moment has come and nobody has claimed it."""
    return and_(model.due_at <= LEASE_MOMENT, is_free(model))


@cache
def select_due(model: Any) -> PreparedSelect[int]:
    """The select of the row that is due longest and that nobody has claimed."""
    return PreparedSelect(lambda: select(model.id).where(is_due(model)).order_by(model.due_at, model.id).limit(1))


async def find_due(transaction: Transaction, model: Any) -> int | None:
    """The id of that row."""
    return await transaction.value(select_due(model))


async def claim(transaction: Transaction, model: type[LeasedRow], row_id: int, *, seconds: int) -> LeasedRow | None:
    """Claim a due row for some seconds; None when somebody else was faster."""
    statement: Any = (
        update(model)
        .where(model.id == row_id, is_due(model))
        .values(leased_until=lease_clock() + seconds * 1000, lease=model.lease + 1, attempts=model.attempts + 1)
    )
    result: Any = await transaction.execute(statement)
    if result.rowcount != 1:
        return None
    return await transaction.get(model, row_id, populate_existing=True)


async def hold(transaction: Transaction, model: type[Leased], row_id: int, lease: int) -> None:
    """Make sure, until the transaction ends, that a claimed row is still ours. Raises LeaseLost."""
    statement: Any = update(model).where(model.id == row_id, model.lease == lease).values(lease=lease)
    result: Any = await transaction.execute(statement)
    if result.rowcount != 1:
        raise LeaseLost


async def renew_lease(transaction: Transaction, model: type[Leased], row_id: int, lease: int, *, seconds: int) -> None:
    """Keep a claimed row for some seconds from now. Raises LeaseLost."""
    until = lease_clock() + seconds * 1000
    statement: Any = update(model).where(model.id == row_id, model.lease == lease).values(leased_until=until)
    result: Any = await transaction.execute(statement)
    if result.rowcount != 1:
        raise LeaseLost


def back_off(attempts: int, *, first: timedelta, longest: timedelta) -> datetime:
    """When to try again after so many attempts: after `first`, then twice as long each time, up to `longest`."""
    wait: timedelta = first * 2 ** min(attempts - 1, 20)
    return now() + min(longest, wait)
