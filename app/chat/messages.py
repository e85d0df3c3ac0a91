"""Messages: edited with their history, deleted with a trace. How they come is in `posting.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from litestar.exceptions import NotFoundException
from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.rights import require
from app.chat.facts import MessageDeleted, MessageEdited
from app.chat.keys import LONGEST_KEY
from app.chat.references import (
    OfMessage,
    find_mentioned,
    forget_references,
    keep_references,
    mentioned_by,
    to_message,
)
from app.chat.rewriting import fill_as_before
from app.chat.rooms import Room
from app.chat.text.rendering import LONGEST_MESSAGE, Renderings, check_text, render_text
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.web.errors import PageError
from app.web.forms import Invalid
from app.web.texts import _l


class Message(Tenanted, Base):
    """A message. `key` was made in the page it was typed in, so that sending it twice posts it once; `sent`
    is the fingerprint of what was sent with it (None for a message of an earlier version).

    `html` is its text as it is shown: safe, and the same for everybody; `plain` is a line without markup. What they
    mention is a member, whatever that one is called by now (`accounts/mentions.py`). Of a deleted one only the trace is
    left.
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
        {"sqlite_autoincrement": True},
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


class MessageRevision(OfMessage, Base):
    """What a message was before an edit; `number` counts them from 1."""

    __tablename__ = "message_revision"
    __table_args__ = (to_message(),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Reaction(OfMessage, Base):
    """A member's emoji under a message."""

    __tablename__ = "reaction"
    __table_args__ = (to_message(), ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]))

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    emoji: Mapped[str] = mapped_column(String(16), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


async def find_message(transaction: Transaction, slug: str, number: int) -> Message | None:
    """A message by its room's name in addresses and its number there, whoever may see it."""
    statement = select(Message).join(Room, Room.id == Message.room_id).where(Room.slug == slug)
    return (await transaction.scalars(statement.where(Message.number == number))).one_or_none()


async def get_message(transaction: Transaction, room: Room, number: int) -> Message:
    """A message of a room by its number, deleted or not. Raises NotFoundException."""
    statement = select(Message).where(Message.number == number, Message.room_id == room.id)
    message = (await transaction.scalars(statement)).one_or_none()
    if message is None:
        raise NotFoundException
    return message


class MessageGone(Invalid):
    """The message that is edited is not there any more."""

    status = 410

    def __init__(self) -> None:
        super().__init__(text=_l("This message was deleted meanwhile."))


class ChangedMeanwhile(Invalid):
    """The message that is edited was edited by its author elsewhere: `message`."""

    status = 409

    def __init__(self, message: Message) -> None:
        super().__init__(text=_l("You changed this message elsewhere meanwhile. Saved again, this replaces it."))
        self.message = message


FIND_POSTED = PreparedSelect(
    select(Message).where(Message.member_id == bindparam("member_id"), Message.key == bindparam("key"))
)


async def find_posted(transaction: Transaction, member: Member, key: str) -> Message | None:
    """The message that a member has posted with a key."""
    found = await transaction.find(FIND_POSTED, member_id=member.id, key=key)
    return found and found[0]


def check_open(room: Room) -> None:
    """Raise a 403 page for an archived room."""
    if room.archived_at is not None:
        raise PageError(403, _l("This room is archived: it can be read, and nothing can be added."))


async def find_answered(transaction: Transaction, room: Room, message_id: int) -> int | None:
    """The id of a message of the room that can be answered, or None."""
    if not message_id:
        return None
    statement = select(Message.id).where(
        Message.id == message_id, Message.room_id == room.id, Message.deleted_at.is_(None)
    )
    return await transaction.scalar(statement)


async def edit_message(
    transaction: Transaction,
    message: Message,
    member: Member,
    *,
    text: str,
    origin: str,
    with_files: bool = False,
    edits: int | None = None,
    named: str = "",
    prepared: Renderings | None = None,
) -> bool:
    """Change the text of one's own message, and keep what it was. False when nothing changes.

    `edits` is how often it had been edited when its text was taken for this one, if that is known: an edit that comes
    late replaces no later one. `named` are the names by which its mentions were shown then (`Filled.named`).
    `prepared` is the text as it was rendered before the transaction.

    Raises Invalid for a text that won't do, MessageGone for a deleted message (NotFoundException for another's),
    ChangedMeanwhile, and a 403 page for another's message or in an archived room.
    """
    if message.deleted_at is not None:
        if message.member_id != member.id:
            raise NotFoundException
        raise MessageGone
    require(member, "change", message)
    check_open(await transaction.get_one(Room, message.room_id))
    filled = await fill_as_before(transaction, message.text, named)
    # What fits stays so, whatever those whom it mentions are called by now.
    text = check_text(text, empty=with_files, longest=max(LONGEST_MESSAGE, len(filled.text)))
    rendered = await render_text(transaction, text, origin, before=message.html, filled=filled, prepared=prepared)
    if rendered.text == message.text or text == message.text:
        return False
    count = await transaction.scalar(
        select(func.count()).select_from(MessageRevision).where(MessageRevision.message_id == message.id)
    )
    if edits is not None and edits != (count or 0):
        raise ChangedMeanwhile(message)
    transaction.add(
        MessageRevision(
            message_id=message.id,
            number=(count or 0) + 1,
            text=message.text,
            made_at=message.edited_at or message.created_at,
        )
    )
    message.text, message.html, message.plain = rendered.text, rendered.html, rendered.plain
    message.edited_at = now()
    before = await find_mentioned(transaction, message.id)
    await forget_references(transaction, message.id)
    await keep_references(transaction, message.id, text, rendered)
    transaction.keep(message)
    transaction.note(
        MessageEdited(
            by=transaction.acting(member.id),
            room_id=message.room_id,
            message_id=message.id,
            number=message.number,
            before=before,
            after=mentioned_by(rendered),
        )
    )
    return True


async def delete_message(transaction: Transaction, message: Message, member: Member) -> bool:
    """Delete a message; who did it stays to be seen. False when it was deleted already.

    Raises a 403 page unless it is the member's own, or the member is an admin.
    """
    if message.deleted_at is not None:
        return False
    require(member, "delete", message)
    room = await transaction.get_one(Room, message.room_id)
    author = await find_author(transaction, message, member)
    before = await find_mentioned(transaction, message.id)
    await forget_references(transaction, message.id)
    for model, column in ((MessageRevision, MessageRevision.message_id), (Reaction, Reaction.message_id)):
        statement: Any = delete(model).where(column == message.id)
        await transaction.execute(statement)
    message.text = message.html = message.plain = ""
    message.deleted_at, message.deleted_by_id = now(), member.id
    await transaction.flush()
    transaction.keep(message)
    transaction.note(
        MessageDeleted(
            by=transaction.acting(member.id),
            room_id=room.id,
            message_id=message.id,
            number=message.number,
            before=before,
            room=room.name,
            author=author,
        )
    )
    return True


async def find_author(transaction: Transaction, message: Message, member: Member) -> str | None:
    """Whose message it is, for the audit log; None for the member's own."""
    if message.member_id == member.id:
        return None
    author = await transaction.get_one(Member, message.member_id)
    return author.email or author.name


async def list_revisions(transaction: Transaction, message: Message, member: Member) -> Sequence[MessageRevision]:
    """What a message was before its edits, oldest first.

    Raises a 403 page unless it is the member's own, or the member is an admin.
    """
    require(member, "read revisions of", message)
    statement = select(MessageRevision).where(MessageRevision.message_id == message.id).order_by(MessageRevision.number)
    return (await transaction.scalars(statement)).all()
