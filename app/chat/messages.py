"""Messages: posted once, edited with their history, deleted with a trace."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
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
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.audit import record_audit
from app.accounts.members import Member
from app.accounts.mentions import OPEN, STORED, mentioned_in, names_in, without_marks
from app.chat.keys import LONGEST_KEY, fingerprint
from app.chat.markdown import Rendered, candidates, render_aside
from app.chat.memberships import join
from app.chat.references import OfMessage, find_missing, forget_references, keep_references, to_message
from app.chat.rooms import Room
from app.database import Base, Standing, Tenanted, Transaction, UtcDateTime, now
from app.web.errors import PageError
from app.web.forms import Invalid
from app.web.texts import _l, is_blank

LONGEST = 8_000


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


async def get_message(transaction: Transaction, room: Room, number: int) -> Message:
    """A message of a room by its number, deleted or not. Raises NotFoundException."""
    statement = select(Message).where(Message.number == number, Message.room_id == room.id)
    message = (await transaction.scalars(statement)).one_or_none()
    if message is None:
        raise NotFoundException
    return message


def clean_text(text: str) -> str:
    """A text without what is around it. One that only has characters which nobody can see is empty."""
    text = without_marks(text.replace("\r\n", "\n")).strip()
    return "" if is_blank(text) else text


def check_text(text: str, *, empty: bool) -> str:
    """The text as it is stored. Raises Invalid when it is empty without having to be, or too long."""
    text = clean_text(text)
    if not text and not empty:
        raise Invalid(text=_l("Write something first."))
    if len(text) > LONGEST:
        raise Invalid(
            text=_l("This has %(length)d characters; a message takes up to %(limit)d.", length=len(text), limit=LONGEST)
        )
    return text


async def render_text(transaction: Transaction, text: str, origin: str, *, before: str = "") -> Rendered:
    """A text as HTML, with the members of the workspace as names to mention. Records that are not there stay text.

    Of a message that is edited, `before` is its HTML: whom it mentions stays mentioned by the same name, also when
    somebody else has that name, or the member was renamed while it was edited.
    """
    members: dict[str, int] = {}
    if "@" in text:
        mentioned = mentioned_in(before)
        wanted = (
            or_(Member.removed_at.is_(None), Member.id.in_(mentioned)) if mentioned else Member.removed_at.is_(None)
        )
        rows = (await transaction.execute(select(Member.name, Member.id).where(wanted).order_by(Member.id))).all()
        members = {row.name: row.id for row in rows} | {row.name: row.id for row in rows if row.id in mentioned}
        members = names_in(before) | members
    asked = candidates(text)
    missing = await find_missing(transaction, asked) if asked else frozenset()
    rendered = await render_aside(text, members=members, origin=origin, missing=missing)
    # A number that is only written by way of an entity, or after many others.
    others = [each for each in rendered.records if each not in asked]
    if others and (more := await find_missing(transaction, others)):
        return await render_aside(text, members=members, origin=origin, missing=missing | more)
    return rendered


class SentAlready(Invalid):
    """Something else was posted with this key, and the page did not hear of it: `message`."""

    status = 409

    def __init__(self, message: Message) -> None:
        super().__init__(text=_l("What was in the box before was sent already. Look, and send the rest again."))
        self.message = message


class AnswerGone(Invalid):
    """The message that is answered is not there any more."""

    status = 410

    def __init__(self) -> None:
        super().__init__(reply=_l("The message you answered was deleted. This can be sent as a message of its own."))


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


FIND_POSTED = Standing(
    select(Message).where(Message.member_id == bindparam("member_id"), Message.key == bindparam("key"))
)


async def find_posted(transaction: Transaction, member: Member, key: str) -> Message | None:
    """The message that a member has posted with a key."""
    found = await transaction.find(FIND_POSTED, member_id=member.id, key=key)
    return found and found[0]


async def find_any_posted(transaction: Transaction, member: Member, keys: Collection[str]) -> Message | None:
    """The first message that a member has posted with one of some keys. A form has at most 500 of them."""
    statement = select(Message).where(Message.member_id == member.id, Message.key.in_(set(keys))).order_by(Message.id)
    return (await transaction.scalars(statement.limit(1))).first()


async def post_message(
    transaction: Transaction,
    room: Room,
    member: Member,
    *,
    key: str,
    text: str,
    origin: str,
    reply_to_id: int = 0,
    files: Collection[int] = (),
) -> tuple[Message, Rendered | None]:
    """Post a message, joining the room; (the message, what it refers to). The same key posts once: then it is None.

    The same is sent when room, text, answered message and files are the same, also when the message was edited or
    deleted since. `files` are the ids of those that the caller puts to it.

    Raises Invalid for a text that won't do, SentAlready for what is not the same as was posted with the key, AnswerGone
    when there is nothing to answer, and a 403 page for a room that is archived or not open to this member.
    """
    sent = fingerprint(key, room_id=room.id, text=clean_text(text), reply_to_id=reply_to_id, files=files)
    posted = await find_posted(transaction, member, key)
    if posted is not None:
        if not is_same(posted, sent, clean_text(text)):
            raise SentAlready(posted)
        return posted, None
    if not key or len(key) > LONGEST_KEY:
        raise Invalid(text=_l("The page is out of date. Load it again; what you typed is kept."))
    check_open(room)
    text = check_text(text, empty=bool(files))
    answered = await find_answered(transaction, room, reply_to_id)
    if reply_to_id and answered is None:
        raise AnswerGone
    membership = await join(transaction, room, member)
    rendered = await render_text(transaction, text, origin)
    number = room.last_number + 1  # writers of a workspace come one after another: nobody else takes this one
    message = Message(
        room_id=room.id,
        number=number,
        member_id=member.id,
        key=key,
        sent=sent,
        text=rendered.text,
        html=rendered.html,
        plain=rendered.plain,
        reply_to_id=answered,
    )
    await transaction.insert(message)
    await transaction.change(room, last_number=number)
    await keep_references(transaction, message.id, text, rendered)
    if membership.read_number == number - 1:  # who has read up to here has read what they say themselves
        await transaction.change(membership, read_number=number)
    return message, rendered


def is_same(posted: Message, sent: str, text: str) -> bool:
    """Whether what is sent is what was posted with its key. Of an earlier version's message only the text is known."""
    if posted.sent is None:
        return posted.edited_at is not None or posted.deleted_at is not None or was_typed(posted.text, text)
    return posted.sent == sent


def was_typed(stored: str, text: str) -> bool:
    """Whether a text may have been stored so. Which name a member had then is not known."""
    if OPEN not in stored:
        return stored == text
    names = re.compile("@[^@\n]{1,80}?".join(map(re.escape, STORED.split(stored)[::2])))
    return names.fullmatch(text) is not None


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
) -> Rendered | None:
    """Change the text of one's own message, and keep what it was. What it refers to now; None when nothing changes.

    `edits` is how often it had been edited when its text was taken for this one, if that is known: an edit that comes
    late replaces no later one.

    Raises Invalid for a text that won't do, MessageGone for a deleted message (NotFoundException for another's),
    ChangedMeanwhile, and a 403 page for another's message or in an archived room.
    """
    if message.deleted_at is not None:
        if message.member_id != member.id:
            raise NotFoundException
        raise MessageGone
    if message.member_id != member.id:
        raise PageError(403, _l("Only who wrote a message can change it."))
    check_open(await transaction.get_one(Room, message.room_id))
    text = check_text(text, empty=with_files)
    rendered = await render_text(transaction, text, origin, before=message.html)
    if rendered.text == message.text or text == message.text:
        return None
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
    await forget_references(transaction, message.id)
    await keep_references(transaction, message.id, text, rendered)
    return rendered


async def delete_message(transaction: Transaction, message: Message, member: Member) -> bool:
    """Delete a message; who did it stays to be seen. False when it was deleted already.

    Raises a 403 page unless it is the member's own, or the member is an admin.
    """
    if message.deleted_at is not None:
        return False
    if message.member_id != member.id and not member.has_rank("admin"):
        raise PageError(403, _l("Only who wrote a message, and admins, can delete it."))
    if message.member_id != member.id:
        room = await transaction.get_one(Room, message.room_id)
        author = await transaction.get_one(Member, message.member_id)
        record_audit(transaction, member, "message.deleted", subject=author.email or author.name, before=room.name)
    await forget_references(transaction, message.id)
    for model, column in ((MessageRevision, MessageRevision.message_id), (Reaction, Reaction.message_id)):
        statement: Any = delete(model).where(column == message.id)
        await transaction.execute(statement.execution_options(synchronize_session=False))
    message.text = message.html = message.plain = ""
    message.deleted_at, message.deleted_by_id = now(), member.id
    await transaction.flush()
    return True


async def list_revisions(transaction: Transaction, message: Message, member: Member) -> Sequence[MessageRevision]:
    """What a message was before its edits, oldest first.

    Raises a 403 page unless it is the member's own, or the member is an admin.
    """
    if message.member_id != member.id and not member.has_rank("admin"):
        raise PageError(403, _l("Only who wrote a message, and admins, can see what it was."))
    statement = select(MessageRevision).where(MessageRevision.message_id == message.id).order_by(MessageRevision.number)
    return (await transaction.scalars(statement)).all()
