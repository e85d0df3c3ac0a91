"""The outbox: mails that are to be sent. A row is written with the cause of the mail, and deleted when it is sent.

A mail is composed when it is sent: what it tells is looked at again then, and it may not be sent at all. Of one that
could not be sent the outbox keeps why, for operators.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    String,
    bindparam,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, PreparedSelect, Tenant, Transaction, UtcDateTime, now
from app.database.leases import Leased, is_due, is_free
from app.jobs.sweeps import delete_by_keys, sweeps
from app.settings import Settings

# How long operators see what could not be sent.
FAILURES_KEPT_FOR = timedelta(days=30)


class Urgency(IntEnum):
    """What is sent first, whatever else waits: what somebody waits for, or has to know of at once."""

    AT_ONCE = 0
    SOON = 1
    WHENEVER = 2


class Mail(Leased, Base):
    """A mail that is to be sent. `message_id` stays the same however often it is tried (RFC 5322, 3.6.4).

    `broken_off` says how many of its `attempts` the server broke off at.
    """

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_turn", "urgency", "workspace_id", "due_at", "id"),)

    workspace_id: Mapped[int | None] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(String(80))
    composer: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    useless_after: Mapped[datetime | None] = mapped_column(UtcDateTime)
    urgency: Mapped[int] = mapped_column(default=Urgency.SOON, server_default="1")
    broken_off: Mapped[int] = mapped_column(default=0, server_default="0")


class FailedMail(Base):
    """A mail that was given up: what it was, and why. Neither to whom nor what it said."""

    __tablename__ = "failed_mail"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int | None] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    composer: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(300))
    attempts: Mapped[int]
    failed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


@sweeps(Mail)
async def delete_useless(transaction: Transaction, limit: int) -> int:
    """Delete what nobody needs any more, also while the mail server is away."""
    return await delete_by_keys(transaction, Mail, Mail.useless_after <= now(), is_free(Mail), limit=limit)


@sweeps(FailedMail)
async def delete_old_failures(transaction: Transaction, limit: int) -> int:
    """Forget what was given up long ago."""
    return await delete_by_keys(transaction, FailedMail, FailedMail.failed_at < now() - FAILURES_KEPT_FOR, limit=limit)


class Content(Struct, frozen=True):
    """What is sent: to whom, as text and HTML, with headers of its own, and `pictures` that the HTML names (`cid:`)."""

    receiver: str
    subject: str
    text: str
    html: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, Path] = field(default_factory=dict)


ComposeMail = Callable[[Transaction, Settings, dict[str, Any]], Awaitable[Content | None]]
COMPOSERS: dict[str, ComposeMail] = {}


def composer(name: str) -> Callable[[ComposeMail], ComposeMail]:
    """Register a function that writes mails as they are sent; None is for one that nobody needs any more."""

    def add(function: ComposeMail) -> ComposeMail:
        COMPOSERS[name] = function
        return function

    return add


def put_mail(
    transaction: Transaction,
    *,
    composer: str,
    urgency: Urgency = Urgency.SOON,
    useless_after: datetime | None = None,
    central: bool = False,
    **payload: Any,
) -> None:
    """Have a mail of this workspace, or of the `central` host, sent when this transaction has committed, written by a
    composer from the rest.

    It is tried until the server takes it, it is `useless_after` a moment, or it is given up (`delivery.py`).
    """
    transaction.add(
        Mail(
            workspace_id=None if central else transaction.tenant.id,
            message_id=secrets.token_hex(16),
            composer=composer,
            payload=payload,
            useless_after=useless_after,
            urgency=urgency,
        )
    )
    transaction.due = True


COUNT_MAILS = PreparedSelect(lambda: select(func.count(Mail.id)))
LIST_FAILURES = PreparedSelect(
    lambda: (
        select(FailedMail, Tenant.slug)
        .outerjoin(Tenant, Tenant.id == FailedMail.workspace_id)
        .order_by(FailedMail.failed_at.desc(), FailedMail.id.desc())
        .limit(bindparam("limit"))
    )
)


async def count_waiting(transaction: Transaction) -> int:
    """How many mails of all workspaces are still to be sent."""
    return await transaction.value(COUNT_MAILS) or 0


def first_of(urgency: int, whose: ColumnElement[bool], rank: int) -> Select[int, int]:
    """The due mail of an urgency that is first in the index, of these workspaces."""
    found = (
        select(Mail.id)
        .where(Mail.urgency == urgency, whose, is_due(Mail))
        .order_by(Mail.workspace_id, Mail.due_at, Mail.id)
        .limit(1)
        .subquery()
    )
    return select(found.c.id, literal(rank).label("rank"))


def make_select_next(*urgencies: Urgency) -> Select[int, int | None]:
    """The select of the mail to send now, and its workspace: the most urgent, of the next workspace `after` one.

    It is found by the index, however many wait.
    """
    after = bindparam("after", type_=BigInteger())
    whose = (Mail.workspace_id > after, Mail.workspace_id <= after, Mail.workspace_id.is_(None))
    places = [(urgency, each) for urgency in urgencies for each in whose]
    first = union_all(*(first_of(urgency, each, rank) for rank, (urgency, each) in enumerate(places))).subquery()
    return select(Mail.id, Mail.workspace_id).join(first, first.c.id == Mail.id).order_by(first.c.rank).limit(1)


FIND_NEXT = PreparedSelect(lambda: make_select_next(*Urgency))
FIND_NEXT_URGENT = PreparedSelect(lambda: make_select_next(Urgency.AT_ONCE))


async def find_next(transaction: Transaction, after: int, *, urgent: bool = False) -> tuple[int, int] | None:
    """The id of the mail to send now, perhaps of the `urgent` ones alone, and its workspace's, 0 for none."""
    found = await transaction.find(FIND_NEXT_URGENT if urgent else FIND_NEXT, after=after)
    return found and (found[0], found[1] or 0)


async def list_failures(transaction: Transaction, limit: int) -> list[tuple[FailedMail, str]]:
    """The mails that were given up last, with the addresses of their workspaces, the newest first."""
    return [(failed, slug or "") for failed, slug in await transaction.rows(LIST_FAILURES, limit=limit)]


LIST_WAITING_MAILS = PreparedSelect(
    lambda: select(Mail).where(Mail.workspace_id == bindparam("workspace_id"), Mail.composer == bindparam("composer"))
)


async def list_waiting_mails(transaction: Transaction, composer: str) -> list[Mail]:
    """This workspace's mails of a composer that have not gone out, tried or not."""
    return await transaction.column(LIST_WAITING_MAILS, workspace_id=transaction.tenant.id, composer=composer)


async def list_untried(transaction: Transaction, composer: str) -> list[Mail]:
    """This workspace's mails of a composer that nobody has tried to send yet, and nobody does before the commit."""
    statement = (
        select(Mail)
        .where(Mail.workspace_id == transaction.tenant.id, Mail.composer == composer, Mail.lease == 0)
        .with_for_update(skip_locked=True)
    )
    return list(await transaction.scalars(statement))
