"""Drafts: what a member has typed in the box of a room or a discussion and not sent yet, and what it answers."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import ForeignKeyConstraint, String, Text, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.chat.messages import LONGEST_KEY, find_posted
from app.database import Base, PreparedSelect, Showing, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps

MESSAGE_DRAFT_KEPT_FOR = timedelta(days=90)


class MessageDraft(Tenanted, Base):
    """What a member has typed in a place. It needs no membership, and no room where nothing was said yet.

    `key` is that of the message it will be, `reply_to_id` the message it answers.
    """

    __tablename__ = "message_draft"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[str] = mapped_column(String(80), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(String(LONGEST_KEY), default="")
    reply_to_id: Mapped[int | None]
    typed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class DraftOf(Showing, Struct, frozen=True):
    """Whether a member has typed something in a room that is not sent yet."""

    member_id: int
    room_id: int
    drafted: bool


@sweeps(MessageDraft)
async def delete_old_message_drafts(transaction: Transaction, limit: int) -> int:
    """Delete what was typed long ago and never sent."""
    return await delete_by_keys(
        transaction, MessageDraft, MessageDraft.typed_at < now() - MESSAGE_DRAFT_KEPT_FOR, limit=limit
    )


FIND_DRAFT = PreparedSelect(
    lambda: select(MessageDraft).where(
        MessageDraft.member_id == bindparam("member_id"), MessageDraft.place == bindparam("place")
    )
)


async def get_draft(transaction: Transaction, member: Member, place: str) -> MessageDraft | None:
    """The row of what a member has typed in a place, if there is one."""
    found = await transaction.find(FIND_DRAFT, member_id=member.id, place=place)
    return found and found[0]


def show_drafted(transaction: Transaction, member: Member, place: str, *, drafted: bool) -> None:
    """Show a member whether they have typed something in a place; sidebars say it of rooms alone."""
    if place.startswith("room-"):
        transaction.show(DraftOf(member.id, int(place.removeprefix("room-")), drafted))


async def keep_message_draft(
    transaction: Transaction, member: Member, place: str, text: str, *, key: str, reply_to_id: int = 0
) -> bool:
    """Keep what is typed in a box whose message will have this key, and what it answers. Whether something is, the
    member's pages show in their sidebars.

    False when that message is posted: what was sent does not come back by a request that was late.
    """
    if await find_posted(transaction, member, key) is not None:
        return False
    draft = await get_draft(transaction, member, place)
    drafted = bool(text.strip())
    if drafted != bool(draft and draft.text.strip()):
        show_drafted(transaction, member, place, drafted=drafted)
    if not drafted and not reply_to_id:
        if draft is not None:
            await transaction.delete(draft)
        return True
    key = key if len(key) <= LONGEST_KEY else ""
    if draft is None:
        draft = MessageDraft(member_id=member.id, place=place)
        transaction.add(draft)
    draft.text, draft.key, draft.reply_to_id, draft.typed_at = text, key, reply_to_id or None, now()
    await transaction.flush()
    return True


async def delete_draft(transaction: Transaction, member: Member, place: str) -> None:
    """What was typed in a place is there no more, as the member's pages show in their sidebars."""
    draft = await get_draft(transaction, member, place)
    if draft is not None:
        show_drafted(transaction, member, place, drafted=False)
        await transaction.delete(draft)
