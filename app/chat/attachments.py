"""Files that are attached to messages: whose they are, and who gets them. `files/uploads.py` stores the bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from litestar.exceptions import NotFoundException
from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.undo import UNDO_OFFER_KEPT_FOR
from app.chat.memberships import find_visible
from app.chat.messages import LONGEST_KEY, Message
from app.chat.references import to_message
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.files.quota import counts_in_quota
from app.files.storing import LONGEST_UPLOAD_KEY

MOST_A_MESSAGE = 10
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
