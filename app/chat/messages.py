"""Messages: edited with their history, deleted with a trace. How they come is in `posting.py`."""

from __future__ import annotations

from datetime import datetime

from litestar.exceptions import NotFoundException
from sqlalchemy import BigInteger, ForeignKeyConstraint, String, Text, UniqueConstraint, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.programs import LONGEST_PROGRAM
from app.chat.references import OfMessage, to_message
from app.chat.rooms import Room
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.web.errors import PageError
from app.web.forms import Invalid
from app.web.texts import _l

LONGEST_KEY = 40


class Message(Tenanted, Base):
    """A message. `key` was made in the page it was typed in, so that sending it twice posts it once; `sent`
    is the fingerprint of what was sent with it (None for a message of an earlier version).

    `html` is its text as it is shown: safe, and the same for everybody; `plain` is a line without markup. What they
    mention is a member, whatever that one is called by now (`accounts/mentions.py`). Of a deleted one only the trace is
    left. `program` is which one wrote it for the member, if one did (`accounts/programs.py`).
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "room_id", "number", name="uq_message_number"),
        UniqueConstraint("tenant_id", "member_id", "key", name="uq_message_key"),
        ForeignKeyConstraint(["tenant_id", "room_id"], ["room.tenant_id", "room.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
        ForeignKeyConstraint(["tenant_id", "deleted_by_id"], ["member.tenant_id", "member.id"]),
        ForeignKeyConstraint(["tenant_id", "reply_to_id"], ["message.tenant_id", "message.id"]),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int]
    number: Mapped[int] = mapped_column(BigInteger)
    member_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(LONGEST_KEY))
    sent: Mapped[str | None] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    plain: Mapped[str] = mapped_column(Text)
    reply_to_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_by_id: Mapped[int | None]
    program: Mapped[str | None] = mapped_column(String(LONGEST_PROGRAM))


class MessageRevision(OfMessage, Base):
    """What a message was before an edit; `number` counts them from 1."""

    __tablename__ = "message_revision"
    __table_args__ = (to_message(),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


FIND_MESSAGE_OF_SLUG = PreparedSelect(
    lambda: (
        select(Message)
        .join(Room, (Room.id == Message.room_id) & (Room.tenant_id == Message.tenant_id))
        .where(Room.slug == bindparam("slug"), Message.number == bindparam("number"))
    )
)
FIND_MESSAGE = PreparedSelect(
    lambda: select(Message).where(Message.number == bindparam("number"), Message.room_id == bindparam("room_id"))
)


async def find_message(transaction: Transaction, slug: str, number: int) -> Message | None:
    """A message by its room's name in addresses and its number there, whoever may see it."""
    return await transaction.value(FIND_MESSAGE_OF_SLUG, slug=slug, number=number)


async def get_message(transaction: Transaction, room: Room, number: int) -> Message:
    """A message of a room by its number, deleted or not. Raises NotFoundException."""
    message = await transaction.value(FIND_MESSAGE, room_id=room.id, number=number)
    if message is None:
        raise NotFoundException
    return message


class MessageGone(Invalid):
    """The message that is edited is not there any more."""

    status = 410

    def __init__(self) -> None:
        super().__init__(text=_l("This message has been deleted."))


class ChangedMeanwhile(Invalid):
    """The message that is edited was edited by its author elsewhere: `message`."""

    status = 409

    def __init__(self, message: Message) -> None:
        super().__init__(text=_l("You changed this message somewhere else. Saving again replaces that change."))
        self.message = message


class ArchivedRoom(PageError):
    """The room can be read, and nothing can be added."""

    def __init__(self) -> None:
        super().__init__(403, _l("This room is archived: you can read it, but not write in it."))


FIND_POSTED = PreparedSelect(
    lambda: select(Message).where(Message.member_id == bindparam("member_id"), Message.key == bindparam("key"))
)


async def find_posted(transaction: Transaction, member: Member, key: str) -> Message | None:
    """The message that a member has posted with a key."""
    found = await transaction.find(FIND_POSTED, member_id=member.id, key=key)
    return found and found[0]


FIND_ANSWERED = PreparedSelect(
    lambda: select(Message.id).where(
        Message.id == bindparam("message_id"), Message.room_id == bindparam("room_id"), Message.deleted_at.is_(None)
    )
)


async def find_answered(transaction: Transaction, room: Room, message_id: int) -> int | None:
    """The id of a message of a room, if it can be answered."""
    return await transaction.value(FIND_ANSWERED, message_id=message_id, room_id=room.id)
