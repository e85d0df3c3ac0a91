"""Messages that are pinned to their room, for everybody in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, bindparam, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.rights import require
from app.chat.facts import MessagePinned
from app.chat.memberships import find_access
from app.chat.messages import ArchivedRoom, Message, MessageGone
from app.chat.references import OfMessage, to_message
from app.chat.rooms import Room
from app.database import Base, PreparedSelect, Transaction, UtcDateTime, now
from app.web.forms import Invalid
from app.web.texts import _l

MOST_PINNED = 50


class PinnedMessage(OfMessage, Base):
    """A message that a member has pinned to its room."""

    __tablename__ = "pinned_message"
    __table_args__ = (
        to_message(),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
        Index("ix_pinned_message_room", "tenant_id", "room_id"),
    )

    room_id: Mapped[int]
    member_id: Mapped[int]
    pinned_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


COUNT_PINNED = PreparedSelect(
    lambda: (
        select(PinnedMessage.room_id, func.count())
        .where(PinnedMessage.room_id.in_(bindparam("room_ids")))
        .group_by(PinnedMessage.room_id)
    )
)
# The one that was pinned last first.
LIST_PINNED = PreparedSelect(
    lambda: (
        select(Message, PinnedMessage.pinned_at)
        .join(PinnedMessage, (PinnedMessage.message_id == Message.id) & (PinnedMessage.tenant_id == Message.tenant_id))
        .where(PinnedMessage.room_id == bindparam("room_id"))
        .order_by(PinnedMessage.pinned_at.desc(), Message.id.desc())
        .limit(MOST_PINNED)
    )
)


async def count_pinned(transaction: Transaction, room_ids: Iterable[int]) -> dict[int, int]:
    """How many messages are pinned to each of some rooms."""
    ids = list(room_ids)
    return {**dict.fromkeys(ids, 0), **dict(await transaction.rows(COUNT_PINNED, room_ids=ids))}


FIND_PINNED_TO = PreparedSelect(
    lambda: select(PinnedMessage.message_id).where(PinnedMessage.room_id == bindparam("room_id"))
)


async def find_pinned_to(transaction: Transaction, room: Room) -> set[int]:
    """The ids of the messages that are pinned to a room."""
    return set(await transaction.column(FIND_PINNED_TO, room_id=room.id))


async def list_pins(transaction: Transaction, room: Room) -> list[tuple[Message, datetime]]:
    """The messages that are pinned to a room, and since when, the one that was pinned last first."""
    return [(message, pinned_at) for message, pinned_at in await transaction.rows(LIST_PINNED, room_id=room.id)]


async def list_pinned(transaction: Transaction, room: Room) -> list[Message]:
    """Likewise the messages alone."""
    return [message for message, _ in await list_pins(transaction, room)]


async def pin_message(transaction: Transaction, room: Room, message: Message, member: Member, *, on: bool) -> bool:
    """Pin a message to its room, or take it off. False when that changes nothing.

    Raises Invalid when enough are pinned, MessageGone for a deleted one, and a 403 page for who is not in the room, and
    in an archived one.
    """
    require(member, "pin in", await find_access(transaction, room, member))
    if room.archived_at is not None:
        raise ArchivedRoom
    if message.deleted_at is not None:
        raise MessageGone
    pinned = await transaction.get(PinnedMessage, message.id)
    if (pinned is not None) == on:
        return False
    if pinned is not None:
        await transaction.delete(pinned)
    else:
        if (await count_pinned(transaction, [room.id]))[room.id] >= MOST_PINNED:
            raise Invalid(pin=_l("%(limit)d messages are pinned here already. Unpin one first.", limit=MOST_PINNED))
        transaction.add(PinnedMessage(message_id=message.id, room_id=room.id, member_id=member.id))
    await transaction.flush()
    transaction.keep(room)
    transaction.keep(message)
    by = transaction.acting(member.id)
    transaction.note(MessagePinned(by=by, room_id=room.id, message_id=message.id, number=message.number, on=on))
    return True
