"""What apps' servers are still to be told: the events that wait, of each app in order, and what is sent again.

They are rows, so that they outlive any process; a worker claims an app's turn, and sends them (`app_sending.py`). Of an
app so many are kept for so long, as its server may be away for good: then the oldest are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ForeignKeyConstraint, Index, Integer, String, Text, bindparam, delete, func, select, update
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.database import Base, PreparedChange, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.tenants.turns_to_send import SendingTurn
from app.web.forms import Invalid
from app.web.texts import _l

HOOK_EVENTS_KEPT_FOR = timedelta(days=3)
# Of one app: events that wait, and their characters.
MOST_HOOK_EVENTS, MOST_HOOK_TEXT = 10_000, 2**24
# Of one workspace's apps: what is being sent again.
MOST_SENT_AGAIN = 20

log = structlog.get_logger("gateway")


class AppHookEvent(Tenanted, Base):
    """An event that an app's server is still to be told, as JSON, and of which kind it is."""

    __tablename__ = "gateway_app_event"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "app_id"], ["gateway_app.tenant_id", "gateway_app.id"], ondelete="CASCADE"),
        Index("ix_gateway_app_event_app_id", "tenant_id", "app_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    size: Mapped[int]
    body: Mapped[str] = mapped_column(Text)


class AppTurn(SendingTurn, Base):
    """What an app's server is to be told: `what` is `events` for those that wait, of which there is one while any do,
    or `again` for a packet that was sent before, by its delivery.

    Of the events' it says how many wait, and their characters, at most: they are counted as they come and go, and
    measured anew where that seems too much, since what is swept is not counted.
    """

    __tablename__ = "gateway_app_turn"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "app_id"], ["gateway_app.tenant_id", "gateway_app.id"], ondelete="CASCADE"
        ),
    )

    app_id: Mapped[int] = mapped_column(index=True)
    delivery_id: Mapped[int | None]
    waiting: Mapped[int] = mapped_column(default=0, server_default="0")
    waiting_text: Mapped[int] = mapped_column(default=0, server_default="0")


OF_APP = AppHookEvent.app_id == bindparam("app_id")
COUNT_WAITING = PreparedChange(
    lambda: (
        update(AppTurn)
        .where(AppTurn.app_id == bindparam("of_app"), AppTurn.what == "events")
        .values(
            waiting=AppTurn.waiting + bindparam("more", type_=Integer),
            waiting_text=AppTurn.waiting_text + bindparam("more_text", type_=Integer),
        )
        .returning(AppTurn.waiting, AppTurn.waiting_text)
    )
)
MEASURE_EVENTS = PreparedSelect(
    lambda: select(func.count(AppHookEvent.id), func.coalesce(func.sum(AppHookEvent.size), 0)).where(OF_APP)
)
LIST_FIRST_EVENTS = PreparedSelect(
    lambda: select(AppHookEvent).where(OF_APP).order_by(AppHookEvent.id).limit(bindparam("most"))
)
FIND_ANY_EVENT = PreparedSelect(lambda: select(AppHookEvent.id).where(OF_APP).limit(1))
FORGET_EVENTS = PreparedChange(
    lambda: delete(AppHookEvent).where(OF_APP, AppHookEvent.id <= bindparam("upto")).returning(AppHookEvent.size)
)
OLDER = aliased(AppHookEvent)
DROP_OLDEST_EVENTS = PreparedChange(
    lambda: delete(AppHookEvent).where(
        OF_APP,
        AppHookEvent.id
        < (
            select(OLDER.id)
            .where(OLDER.app_id == bindparam("app_id"))
            .order_by(OLDER.id)
            .offset(bindparam("dropped"))
            .limit(1)
            .scalar_subquery()
        ),
    )
)
COUNT_SENT_AGAIN = PreparedSelect(
    lambda: select(func.count(AppTurn.id)).where(
        AppTurn.workspace_id == bindparam("workspace_id"), AppTurn.what == "again"
    )
)
# Whoever sends something of it now does not count any more: it may be told elsewhere, or by another secret.
SEND_ANEW = PreparedChange(
    lambda: (
        update(AppTurn)
        .where(AppTurn.app_id == bindparam("of_app"), AppTurn.what == "events")
        .values(
            lease=AppTurn.lease + 1,
            leased_until=None,
            due_at=bindparam("moment", callable_=now, type_=UtcDateTime()),
            failures=0,
        )
    )
)


async def add_hook_events(transaction: Transaction, app_id: int, events: Sequence[tuple[str, str]]) -> None:
    """Have events, as JSON with the kind of each, told to an app's server."""
    if not events:
        return
    rows = [{"app_id": app_id, "kind": kind, "size": len(text), "body": text} for kind, text in events]
    await transaction.insert_rows(AppHookEvent, *rows)
    transaction.due = True
    more, more_text = len(rows), sum(len(text) for _, text in events)
    if not (counted := await count_hook_events(transaction, app_id, more, more_text)):
        whose = {"workspace_id": transaction.tenant.id, "app_id": app_id}
        await transaction.insert(AppTurn(**whose, what="events", waiting=more, waiting_text=more_text))
    elif is_too_much(*counted):
        await drop_oldest_events(transaction, app_id, *counted)


def is_too_much(count: int, size: int) -> bool:
    """Whether more waits for an app's server than is kept."""
    return count > MOST_HOOK_EVENTS or size > MOST_HOOK_TEXT


async def count_hook_events(transaction: Transaction, app_id: int, more: int, more_text: int) -> tuple[int, int] | None:
    """Count what waits for an app's server, as more of it does, or less: how much that is at most, if any did."""
    rows = (await transaction.apply(COUNT_WAITING, of_app=app_id, more=more, more_text=more_text)).rows
    return (rows[0][0], rows[0][1]) if rows else None


async def drop_oldest_events(transaction: Transaction, app_id: int, counted: int, counted_text: int) -> None:
    """Measure what waits for an app's server, and drop the oldest of it where that is too much."""
    ((count, size),) = await transaction.rows(MEASURE_EVENTS, app_id=app_id)
    if is_too_much(count, size):
        log.warning("what an app's server is not told is too much: the oldest is dropped", app=app_id)
        dropped = max(count - MOST_HOOK_EVENTS, count // 10)
        await transaction.apply(DROP_OLDEST_EVENTS, app_id=app_id, dropped=dropped)
        ((count, size),) = await transaction.rows(MEASURE_EVENTS, app_id=app_id)
    await count_hook_events(transaction, app_id, count - counted, size - counted_text)


async def forget_hook_events(transaction: Transaction, app_id: int, upto: int) -> None:
    """Delete events that an app's server was told."""
    sizes = [size for (size,) in (await transaction.apply(FORGET_EVENTS, app_id=app_id, upto=upto)).rows]
    await count_hook_events(transaction, app_id, -len(sizes), -sum(sizes))


async def send_waiting_anew(transaction: Transaction, app_id: int) -> None:
    """Have what waits for an app's server sent at once: its webhook is another one now."""
    await transaction.apply(SEND_ANEW, of_app=app_id)
    transaction.due = True


async def ask_to_send_packet(transaction: Transaction, app_id: int, delivery_id: int) -> None:
    """Have a packet sent once more, beside what waits. Raises Invalid while much of that waits."""
    if (await transaction.value(COUNT_SENT_AGAIN, workspace_id=transaction.tenant.id) or 0) >= MOST_SENT_AGAIN:
        raise Invalid(**{"": _l("Other events are still being sent. Try again in a moment.")})
    whose = {"workspace_id": transaction.tenant.id, "app_id": app_id}
    await transaction.insert(AppTurn(**whose, what="again", delivery_id=delivery_id))
    transaction.due = True


@sweeps(AppHookEvent)
async def delete_old_hook_events(transaction: Transaction, limit: int) -> int:
    """Delete what an app's server was not told in time."""
    return await delete_by_keys(transaction, AppHookEvent, AppHookEvent.at < now() - HOOK_EVENTS_KEPT_FOR, limit=limit)
