"""Files that are attached to messages: whose they are, and who gets them. `files/uploads.py` stores the bytes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from litestar.exceptions import NotFoundException
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Select,
    String,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.undo import UNDO_OFFER_KEPT_FOR
from app.chat.memberships import find_visible
from app.chat.messages import LONGEST_KEY, Message
from app.chat.references import to_message
from app.chat.rooms import Room
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.files.quota import check_quota, counts_in_quota
from app.files.storing import LONGEST_UPLOAD_KEY
from app.files.uploads import StoredFile
from app.web.errors import Gone
from app.web.forms import Invalid
from app.web.texts import _l

MOST_A_MESSAGE = 10
# Of all boxes of a room that were left with files in them.
MOST_IN_BOXES = 5 * MOST_A_MESSAGE
# The room that a picture takes among messages, in pixels.
SHOWN_WIDTH, SHOWN_HEIGHT = 320, 220
# A file whose message was never sent is kept this long.
UNSENT_FOR = timedelta(days=1)


class Attachment(Tenanted, Base):
    """A file of a message; before its message is sent, of the member who brought it.

    `key` names it on disk. `upload` is what its page called the upload, so that the page can name it whether or not
    it got an answer. `box` is the key of the box that it was brought to, and `taken_by` the one of the message that
    was sent from there and has not come yet: no other box shows it, and no other message may have it. What a program
    or a page without scripts brought has neither, and goes with any message of its member's.
    """

    __tablename__ = "attachment"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "room_id"], ["room.tenant_id", "room.id"], ondelete="CASCADE"),
        to_message(),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
        Index("ix_attachment_message", "tenant_id", "message_id"),
        Index("ix_attachment_upload", "tenant_id", "member_id", "upload", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int]
    message_id: Mapped[int | None]
    member_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(32))
    upload: Mapped[str | None] = mapped_column(String(LONGEST_UPLOAD_KEY))
    box: Mapped[str | None] = mapped_column(String(LONGEST_KEY))
    taken_by: Mapped[str | None] = mapped_column(String(LONGEST_KEY))
    name: Mapped[str] = mapped_column(String(120))
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(100))
    width: Mapped[int | None]
    height: Mapped[int | None]
    preview: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @property
    def upload_key(self) -> str:
        """What a page calls the file; one that came without such a key is known by the one on disk."""
        return self.upload or self.key

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height, in pixels, of a picture among messages: its place is kept before it is loaded."""
        width, height = self.width or 1, self.height or 1
        scale = min(SHOWN_WIDTH / width, SHOWN_HEIGHT / height, 1)
        return max(1, round(width * scale)), max(1, round(height * scale))


counts_in_quota(Attachment.size)


async def add_attachment(
    transaction: Transaction,
    room: Room,
    member: Member,
    stored: StoredFile,
    *,
    quota: int,
    upload: str = "",
    box: str = "",
) -> Attachment:
    """Note a file that was stored for a `box` of a room. What comes again with the same `upload` is the file that is
    there.

    Raises Invalid when the workspace has no room for it, and when what came with `upload` is not in this room's box any
    more; `quota` is in bytes.
    """
    if len(upload) > LONGEST_UPLOAD_KEY or len(box) > LONGEST_KEY:
        raise Invalid(file=_l("This page is out of date. Reload it; what you typed is kept."))
    there = await find_upload(transaction, member, upload) if upload else None
    if there is not None:
        if there.message_id is not None or there.room_id != room.id:
            raise Invalid(file=_l("This file was already sent."))
        return there
    await check_quota(transaction, stored.size, quota)
    attachment = Attachment(
        room_id=room.id,
        message_id=None,
        member_id=member.id,
        key=stored.key,
        upload=upload or None,
        box=box or None,
        name=stored.name,
        size=stored.size,
        media_type=stored.media_type,
        width=stored.width,
        height=stored.height,
        preview=stored.preview,
    )
    transaction.add(attachment)
    await transaction.flush()
    return attachment


FIND_UPLOAD = PreparedSelect(
    lambda: select(Attachment).where(
        Attachment.member_id == bindparam("member_id"),
        func.coalesce(Attachment.upload, Attachment.key) == bindparam("upload"),
    )
)


async def find_upload(transaction: Transaction, member: Member, upload: str) -> Attachment | None:
    """The file that a member's page brought with an upload."""
    return await transaction.value(FIND_UPLOAD, member_id=member.id, upload=upload)


def select_unsent(*criteria: Any) -> Select[Attachment]:
    """The select of files that a member has brought to a room and that are in no message yet."""
    return (
        select(Attachment)
        .where(
            Attachment.room_id == bindparam("room_id"),
            Attachment.member_id == bindparam("member_id"),
            Attachment.message_id.is_(None),
            *criteria,
        )
        .order_by(Attachment.id)
    )


def is_held_by(holders: Any) -> ColumnElement[bool]:
    """Whether a file is nobody's in particular, or that of a box or a message with one of the keys of `holders`."""
    holder = func.coalesce(Attachment.taken_by, Attachment.box)
    return or_(holder.is_(None), holder.in_(holders))


FIND_UNSENT = PreparedSelect(
    lambda: select_unsent(Attachment.id.in_(bindparam("ids")), is_held_by(bindparam("holders"))).limit(MOST_A_MESSAGE)
)
FIND_HELD = PreparedSelect(
    lambda: select(Attachment).where(
        Attachment.member_id == bindparam("member_id"),
        Attachment.message_id.is_(None),
        func.coalesce(Attachment.upload, Attachment.key).in_(bindparam("uploads")),
        is_held_by(bindparam("holders")),
    )
)
LIST_UNSENT = PreparedSelect(
    lambda: (
        select_unsent(Attachment.taken_by.is_(None), Attachment.created_at >= bindparam("since"))
        .order_by(None)
        .order_by(Attachment.id.desc())
        .limit(MOST_IN_BOXES)
    )
)


async def find_unsent(
    transaction: Transaction, room: Room, member: Member, ids: Sequence[int], holders: Collection[str] = ()
) -> Sequence[Attachment]:
    """The member's own files for this room that are in no message yet, and that no box or message has but those with
    the keys of `holders`; others are left out."""
    if not ids:
        return []
    wanted, keys = ids[:MOST_A_MESSAGE], list(holders)[:MOST_IN_BOXES]
    return await transaction.column(FIND_UNSENT, room_id=room.id, member_id=member.id, ids=wanted, holders=keys)


async def list_unsent(transaction: Transaction, room: Room | None, member: Member) -> Sequence[Attachment]:
    """The files that a member has brought to boxes of a room, and that no message has, sent or on its way: the newest,
    in the order in which they came."""
    if room is None:
        return []
    since = now() - UNSENT_FOR
    newest = await transaction.column(LIST_UNSENT, room_id=room.id, member_id=member.id, since=since)
    return newest[::-1]


async def hold_files(
    transaction: Transaction,
    member: Member,
    uploads: Collection[str],
    *,
    held: Collection[str],
    box: str | None = None,
    taken_by: str | None = None,
) -> None:
    """Give files that were not sent yet to a box, or to a message that is on its way.

    `held` are the keys by which the page has them; what another box or message has taken meanwhile stays there. Of more
    files than a message can have, and with keys that no page makes, nothing is done.
    """
    if not uploads or len(uploads) > MOST_A_MESSAGE or max(len(box or ""), len(taken_by or "")) > LONGEST_KEY:
        return
    asked = {"member_id": member.id, "uploads": list(uploads), "holders": list(held)[:MOST_IN_BOXES]}
    for attachment in await transaction.column(FIND_HELD, **asked):
        attachment.box = box or attachment.box
        attachment.taken_by = taken_by
    await transaction.flush()


async def get_attachment(transaction: Transaction, member: Member, attachment_id: int) -> Attachment:
    """A file that this member may have. Raises NotFoundException."""
    attachment = await find_attachment(transaction, member, attachment_id)
    if attachment is None:
        raise NotFoundException
    return attachment


async def find_attachment(transaction: Transaction, member: Member, attachment_id: int) -> Attachment | None:
    """A file that this member may have: their own, or of a message that they may see."""
    attachment = await transaction.get(Attachment, attachment_id)
    if attachment is None or await find_visible(transaction, member, attachment.room_id) is None:
        return None
    if attachment.message_id is None:
        return attachment if attachment.member_id == member.id else None
    message = await transaction.get(Message, attachment.message_id)
    return attachment if message is None or message.deleted_at is None else None


async def discard_file(transaction: Transaction, member: Member, attachment_id: int) -> tuple[Room, list[str]]:
    """Delete a file that the member has brought and not sent; its room, and the keys of what is to be deleted on disk.

    Raises Gone, also for a file that was sent: it is its message's.
    """
    attachment = await find_attachment(transaction, member, attachment_id)
    room = await find_visible(transaction, member, attachment.room_id) if attachment else None
    if attachment is None or room is None or attachment.message_id is not None:
        raise Gone(_l("This file was removed or sent."))
    return room, await delete_all(transaction, [attachment])


async def take_out_upload(transaction: Transaction, member: Member, upload: str) -> list[str]:
    """Delete what an upload of the member has brought, as `discard_file` does.

    Raises NotFoundException, also as long as it has not come.
    """
    attachment = await find_upload(transaction, member, upload)
    if attachment is None:
        raise NotFoundException
    _, keys = await discard_file(transaction, member, attachment.id)
    return keys


# In the order in which they were brought.
LIST_FILES = PreparedSelect(
    lambda: select(Attachment).where(Attachment.message_id.in_(bindparam("message_ids"))).order_by(Attachment.id)
)


async def has_files(transaction: Transaction, message: Message) -> bool:
    """Whether a message has files, so that it needs no words."""
    return await transaction.value(LIST_FILES, message_ids=[message.id]) is not None


async def list_attachments(transaction: Transaction, message: Message) -> Sequence[Attachment]:
    """The files of a message, in the order in which they were brought; a deleted one shows none."""
    if message.deleted_at is not None:
        return []
    return await transaction.column(LIST_FILES, message_ids=[message.id])


async def delete_unsent(transaction: Transaction, limit: int = 500) -> list[str]:
    """Delete files that were brought more than a day ago and never sent, and those of messages that were deleted and
    can't be had back; the keys of what is to be deleted on disk."""
    gone = exists().where(
        Message.id == Attachment.message_id,
        Message.tenant_id == Attachment.tenant_id,
        Message.deleted_at < now() - UNDO_OFFER_KEPT_FOR,
    )
    unsent = and_(Attachment.message_id.is_(None), Attachment.created_at < now() - UNSENT_FOR)
    statement = select(Attachment).where(or_(unsent, gone)).order_by(Attachment.id).limit(limit)
    return await delete_all(transaction, (await transaction.scalars(statement)).all())


async def delete_all(transaction: Transaction, found: Sequence[Attachment]) -> list[str]:
    """Delete rows of files; their keys."""
    keys = [attachment.key for attachment in found]
    for attachment in found:
        await transaction.delete(attachment)
    await transaction.flush()
    return keys
