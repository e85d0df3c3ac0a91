"""The outbox: mails that are to be sent. A row is written with the cause of the mail, and deleted when it is sent.

A mail is composed when it is sent: what it tells is looked at again then, and it may not be sent at all.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, Transaction, UtcDateTime
from app.database.leases import Leased
from app.settings import Settings


class Mail(Leased, Base):
    """A mail that is to be sent. `message_id` stays the same however often it is tried (RFC 5322, 3.6.4).

    Without a `composer` it is one that an earlier version has written out, with `receiver`, `subject` and `text`.
    """

    __tablename__ = "mail"

    workspace_id: Mapped[int | None] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(String(80))
    receiver: Mapped[str] = mapped_column(String(254), default="")
    subject: Mapped[str] = mapped_column(String(300), default="")
    text: Mapped[str] = mapped_column(Text, default="")
    composer: Mapped[str] = mapped_column(String(40), default="")
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    useless_after: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Content:
    """What is sent: to whom, as text and HTML, with headers of its own."""

    receiver: str
    subject: str
    text: str
    html: str = ""
    headers: dict[str, str] = field(default_factory=dict)


Composer = Callable[[Transaction, Settings, dict[str, Any]], Awaitable[Content | None]]
COMPOSERS: dict[str, Composer] = {}


def composer(name: str) -> Callable[[Composer], Composer]:
    """Register a function that writes mails as they are sent; None is for one that nobody needs any more."""

    def add(function: Composer) -> Composer:
        COMPOSERS[name] = function
        return function

    return add


def put_mail(
    transaction: Transaction,
    *,
    composer: str,
    useless_after: datetime | None = None,
    **payload: Any,
) -> None:
    """Have a mail of this workspace sent when this transaction has committed, written by a composer from the rest.

    It is tried until the server takes it or it is `useless_after` a moment.
    """
    transaction.add(
        Mail(
            workspace_id=transaction.tenant.id,
            message_id=secrets.token_hex(16),
            composer=composer,
            payload=payload,
            useless_after=useless_after,
        )
    )
    transaction.info["due"] = True


async def count_waiting(transaction: Transaction) -> int:
    """How many mails of all workspaces are still to be sent."""
    return await transaction.scalar(select(func.count(Mail.id))) or 0


async def list_untried(transaction: Transaction, composer: str) -> list[Mail]:
    """This workspace's mails of a composer that nobody has tried to send yet, and nobody does before the commit."""
    statement = (
        select(Mail)
        .where(Mail.workspace_id == transaction.tenant.id, Mail.composer == composer, Mail.lease == 0)
        .with_for_update(skip_locked=True)
    )
    return list(await transaction.scalars(statement))
