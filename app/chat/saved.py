"""Messages that members have saved for later, each for themselves, and ticked off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from msgspec import Struct
from sqlalchemy import ForeignKeyConstraint, Index, bindparam, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.home import HomeOf
from app.accounts.members import Member
from app.accounts.mentions import read_texts
from app.accounts.rights import is_entitled
from app.chat.direct_rooms import find_room_names
from app.chat.memberships import is_visible
from app.chat.messages import Message, MessageGone
from app.chat.references import OfMessage, to_message
from app.chat.rooms import Room
from app.chat.timeline import QUOTE_EXCERPT
from app.database import Base, PreparedSelect, Showing, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.web.forms import Invalid
from app.web.texts import _l, shorten_text

MOST_SAVED = 200
DONE_SHOWN = 20
DONE_KEPT_FOR = timedelta(days=30)


class SavedMessage(OfMessage, Base):
    """A message that a member has saved for later; ticked off at `done_at`."""

    __tablename__ = "saved_message"
    __table_args__ = (
        to_message(),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
        Index("ix_saved_message_member", "tenant_id", "member_id"),
    )

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SavedOf(Showing, Struct, frozen=True):
    """That a member has saved a message, or has not any more."""

    member_id: int
    room_id: int
    number: int
    saved: bool


@sweeps(SavedMessage)
async def delete_done(transaction: Transaction, limit: int) -> int:
    """Delete what was ticked off long ago."""
    return await delete_by_keys(transaction, SavedMessage, SavedMessage.done_at < now() - DONE_KEPT_FOR, limit=limit)


COUNT_SAVED = PreparedSelect(
    lambda: (
        select(func.count())
        .select_from(SavedMessage)
        .where(SavedMessage.member_id == bindparam("member_id"), SavedMessage.done_at.is_(None))
    )
)


async def save_message(
    transaction: Transaction, message: Message, member: Member, *, saved: bool, done: bool = False
) -> bool:
    """Save a message for later, tick it off (`done`), or save it no more. False when that changes nothing.

    Raises Invalid when enough are saved, and MessageGone for a deleted one.
    """
    found = await transaction.get(SavedMessage, (message.id, member.id))
    if saved and not done and message.deleted_at is not None:
        raise MessageGone
    if found is None and (done or not saved):
        return False
    if found is not None and saved and done == (found.done_at is not None):
        return False
    if saved and not done and (await transaction.value(COUNT_SAVED, member_id=member.id) or 0) >= MOST_SAVED:
        raise Invalid(saved=_l("You have already saved %(limit)d messages. Mark some as done first.", limit=MOST_SAVED))
    if found is None:
        transaction.add(SavedMessage(message_id=message.id, member_id=member.id))
    elif not saved:
        await transaction.delete(found)
    else:
        found.done_at = now() if done else None
        if not done:
            found.saved_at = now()
    await transaction.flush()
    transaction.show(HomeOf(member.id))
    transaction.show(SavedOf(member.id, message.room_id, message.number, saved and not done))
    return True


LIST_SAVED_NUMBERS = PreparedSelect(
    lambda: (
        select(Message.number)
        .join(SavedMessage, (SavedMessage.message_id == Message.id) & (SavedMessage.tenant_id == Message.tenant_id))
        .where(
            SavedMessage.member_id == bindparam("member_id"),
            SavedMessage.done_at.is_(None),
            Message.room_id == bindparam("room_id"),
        )
    )
)


async def list_saved_numbers(transaction: Transaction, room: Room, member: Member) -> Sequence[int]:
    """The numbers of the messages of a room that a member has saved, and not ticked off yet."""
    return await transaction.column(LIST_SAVED_NUMBERS, member_id=member.id, room_id=room.id)


class Saved(Struct, frozen=True):
    """A saved message as its list shows it."""

    message: Message
    room: Room
    room_name: str
    author: str
    text: str
    saved_at: datetime
    done: bool


@cache
def select_saved(*, insider: bool, done: bool) -> PreparedSelect[Message, Room, str, datetime]:
    """The select of what a member has saved, in rooms that they may see: what is open, or what is done."""
    mine = (SavedMessage.message_id == Message.id) & (SavedMessage.tenant_id == Message.tenant_id)
    order = SavedMessage.done_at if done else SavedMessage.saved_at
    return PreparedSelect(
        lambda: (
            select(Message, Room, Member.name, SavedMessage.saved_at)
            .join(SavedMessage, mine)
            .join(Room, (Room.id == Message.room_id) & (Room.tenant_id == Message.tenant_id))
            .join(Member, (Member.id == Message.member_id) & (Member.tenant_id == Message.tenant_id))
            .where(
                SavedMessage.member_id == bindparam("member_id"),
                SavedMessage.done_at.is_not(None) if done else SavedMessage.done_at.is_(None),
                is_visible(bindparam("member_id"), insider=insider),
            )
            .order_by(order.desc(), Message.id.desc())
            .offset(bindparam("skipped"))
            .limit(bindparam("most"))
        )
    )


async def list_saved(
    transaction: Transaction, member: Member, *, done: bool = False, skipped: int = 0, most: int = MOST_SAVED
) -> Sequence[Saved]:
    """What a member has saved for later and not ticked off yet, or has (`done`), the last first."""
    prepared = select_saved(insider=is_entitled(member, "see", "everybody"), done=done)
    rows = await transaction.rows(prepared, member_id=member.id, skipped=skipped, most=most)
    texts = await read_texts(transaction, *(message.plain for message, *_ in rows))
    names = await find_room_names(transaction, [(member.id, room) for _, room, _, _ in rows])
    return [
        Saved(message, room, names[member.id, room.id], author, shorten_text(text, QUOTE_EXCERPT), saved_at, done)
        for (message, room, author, saved_at), text in zip(rows, texts, strict=True)
    ]
