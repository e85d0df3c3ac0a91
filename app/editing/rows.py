"""Rows that one person edits at a time: the lock's columns, and the criteria that statements check them with.

The lock is in the row that it protects, so that the statement that writes the row checks it too. A lock in a table of
its own lost updates (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String, and_, false, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Tenant, Tenanted, Transaction, UtcDateTime
from app.database.clock import lease_clock

# Leases in seconds. A page with JavaScript renews its own; one without has to do for a while. The longest also bounds
# how far ahead a lease can be believed, should the clock ever be set back.
LEASE = 30
LEASE_WITHOUT_JAVASCRIPT = 600
TURN = 15


class Editable(Tenanted):
    """Mixin of a row that one person edits at a time, and whose `version` grows with each change.

    `lock_token` grows each time that the lock changes hands, and never falls: who holds the lock proves it with the
    token. An offered lock is somebody's turn: theirs to take, until the lease ends. `lock_name` and `lock_role` are
    copies of the holder's, so that a row can be shown without another query.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    lock_token: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    lock_member_id: Mapped[int | None] = mapped_column(default=None)
    lock_name: Mapped[str | None] = mapped_column(String(80), default=None)
    lock_role: Mapped[str | None] = mapped_column(String(10), default=None)
    lock_since: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    lock_until: Mapped[int | None] = mapped_column(BigInteger, default=None)
    lock_offered: Mapped[bool] = mapped_column(default=False, server_default=false())


UNLOCKED: dict[str, Any] = {
    "lock_member_id": None,
    "lock_name": None,
    "lock_role": None,
    "lock_since": None,
    "lock_until": None,
    "lock_offered": False,
}


def is_held(model: type[Editable]) -> ColumnElement[bool]:
    """Whether somebody's lease runs, by the database's clock."""
    clock = lease_clock()
    return and_(
        model.lock_member_id.is_not(None),
        model.lock_until > clock,
        model.lock_until <= clock + LEASE_WITHOUT_JAVASCRIPT * 1000,
    )


def is_writable(model: type[Editable], member_id: int, token: int) -> ColumnElement[bool]:
    """Whether a member who shows this token (0: none) may write the row now.

    The criterion of every statement that changes an editable row, beside the version.
    """
    return or_(~is_held(model), is_holder(model, member_id, token))


def is_holder(model: type[Editable], member_id: int, token: int) -> ColumnElement[bool]:
    """Whether the lock is the one that this member took with this token."""
    return and_(model.lock_member_id == member_id, model.lock_token == token, ~model.lock_offered)


async def read_clock(transaction: Transaction) -> int:
    """The database's lease clock, in milliseconds."""
    return int((await transaction.scalars(select(lease_clock()).select_from(Tenant))).one())


class Held(Exception):
    """Somebody else holds the row, or the same person in another tab. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where people see an editable row: its name in element ids and its channel, its address, the list it is in."""

    name: str
    channel: str
    address: str
    title: str
    list_channel: str


FindPlace = Callable[[Transaction, Any], Awaitable[Place]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A model of editable rows, under the name that drafts and queues know it by."""

    name: str
    model: type[Editable]
    find_place: FindPlace


KINDS: dict[str, Kind] = {}


def editable(name: str, model: type[Editable]) -> Callable[[FindPlace], FindPlace]:
    """Register a model whose rows are edited by one person at a time, with the function that tells a row's place."""

    def add(find_place: FindPlace) -> FindPlace:
        KINDS[name] = Kind(name, model, find_place)
        return find_place

    return add


def kind_of(row: Editable) -> Kind:
    """The kind that a row is of."""
    return next(kind for kind in KINDS.values() if isinstance(row, kind.model))
