"""The event log: what changed, in the order of each workspace's cursor, written with the change itself.

The log is the truth that every delivery is checked against; everything faster is only that: faster.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.web.templates import render

# HTML, or what gives it when everything that was committed before can be seen.
Body = str | Callable[[], Awaitable[str]]

CLOSE = "!close"
UNFOLLOW = "!unfollow"
KEPT_FOR = timedelta(hours=24)
KEPT_AT_LEAST = 1000


class LoggedEvent(Tenanted, Base):
    """A row of the log."""

    __tablename__ = "event"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    cursor: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(String(60))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


@dataclass(frozen=True, slots=True)
class Event:
    """A change as it is delivered: `body` is HTML for the pages that follow `channel`.

    On the channels `!close` and `!unfollow`, which no page can follow, the body is JSON and says whose sockets end, or
    are served some channels no more.
    """

    cursor: int
    channel: str
    body: str


def publish(transaction: Transaction, channel: str, body: Body) -> None:
    """Log an event with this transaction; it goes out when the transaction has committed.

    A body that counts what others write too is given as a function. It is called when the cursor is taken, so that the
    event with the highest cursor has the count that holds.
    """
    if not transaction.events:
        transaction.at_commit.append(lambda: append(transaction, transaction.events))
    transaction.events.append((channel, body))


def publish_partial(transaction: Transaction, channel: str, template: str, **context: Any) -> None:
    """Publish a partial in the workspace's language."""
    publish(transaction, channel, render(transaction.tenant.language, template, **context))


def close_sockets(transaction: Transaction, **whose: Any) -> None:
    """Log that sockets end: of `sessions=[…]`, of `member=…`, or of everybody (`everybody=True`); `reason` says why."""
    publish(transaction, CLOSE, json.dumps(whose))


def stop_following(transaction: Transaction, *, member: int, channels: list[str]) -> None:
    """Log that a member's sockets follow some channels no more: the member has lost the right to."""
    publish(transaction, UNFOLLOW, json.dumps({"member": member, "channels": channels}))


async def append(transaction: Transaction, pending: list[tuple[str, Body]]) -> None:
    """Take the workspace's next cursors and write the events.

    The transaction has had the workspace for itself since it began: that keeps the log gapless and in the order of
    commits.
    """
    tenant = transaction.tenant
    events = [
        Event(cursor, channel, body if isinstance(body, str) else await body())
        for cursor, (channel, body) in enumerate(pending, tenant.cursor + 1)
    ]
    await transaction.change(tenant, cursor=tenant.cursor + len(events))
    rows = ({"cursor": event.cursor, "channel": event.channel, "body": event.body} for event in events)
    await transaction.insert_rows(LoggedEvent, *rows)
    transaction.info["committed"] = events


async def read_after(
    transaction: Transaction,
    cursor: int,
    *,
    channels: Iterable[str] | None = None,
    limit: int | None = None,
) -> list[Event]:
    """The events after a cursor, in order; of some channels, or of all."""
    statement = (
        select(LoggedEvent.cursor, LoggedEvent.channel, LoggedEvent.body)
        .where(LoggedEvent.cursor > cursor)
        .order_by(LoggedEvent.cursor)
        .limit(limit)
    )
    if channels is not None:
        statement = statement.where(LoggedEvent.channel.in_(list(channels)))
    return [Event(*row) for row in await transaction.execute(statement)]


async def read_reach(transaction: Transaction) -> int:
    """The cursor after which the log is complete."""
    oldest = await transaction.scalar(select(func.min(LoggedEvent.cursor)))
    return transaction.tenant.cursor if oldest is None else oldest - 1


@sweeps(LoggedEvent)
async def trim(transaction: Transaction, limit: int) -> int:
    """Delete events older than a day, the oldest first, but keep the last thousand of the workspace."""
    return await delete_by_keys(
        transaction,
        LoggedEvent,
        LoggedEvent.created_at < now() - KEPT_FOR,
        LoggedEvent.cursor <= transaction.tenant.cursor - KEPT_AT_LEAST,
        order_by=LoggedEvent.cursor,  # what is left of the log has no gap
        limit=limit,
    )
