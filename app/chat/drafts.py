"""Drafts: what a member has typed in the box of a room or a discussion and not sent yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKeyConstraint, String, Text, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.chat.messages import find_posted
from app.chat.rooms import Room
from app.database import Base, Standing, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps

KEPT_FOR = timedelta(days=90)


class MessageDraft(Tenanted, Base):
    """What a member has typed in a place. It needs no membership, and no room where nothing was said yet."""

    __tablename__ = "message_draft"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[str] = mapped_column(String(80), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    typed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


@sweeps(MessageDraft)
async def delete_old_drafts(transaction: Transaction, limit: int) -> int:
    """Delete what was typed long ago and never sent."""
    return await delete_by_keys(transaction, MessageDraft, MessageDraft.typed_at < now() - KEPT_FOR, limit=limit)


def place_of(room: Room) -> str:
    """The place of a room's box: `room-5`; of a discussion's, what it is on: `record-42`."""
    return room.subject if room.kind == "discussion" and room.subject else f"room-{room.id}"


FIND_DRAFT = Standing(
    select(MessageDraft).where(
        MessageDraft.member_id == bindparam("member_id"), MessageDraft.place == bindparam("place")
    )
)


async def get_draft(transaction: Transaction, member: Member, place: str) -> MessageDraft | None:
    """The row of what a member has typed in a place, if there is one."""
    found = await transaction.find(FIND_DRAFT, member_id=member.id, place=place)
    return found and found[0]


async def find_draft(transaction: Transaction, member: Member, place: str) -> str:
    """What a member has typed in a place, '' for nothing."""
    draft = await get_draft(transaction, member, place)
    return draft.text if draft is not None else ""


async def keep_draft(transaction: Transaction, member: Member, place: str, text: str, *, key: str) -> bool:
    """Keep what is typed in a box whose message will have this key.

    False when that message is posted: what was sent does not come back by a request that was late.
    """
    if await find_posted(transaction, member, key) is not None:
        return False
    if not text.strip():
        await delete_draft(transaction, member, place)
        return True
    draft = await get_draft(transaction, member, place)
    if draft is None:
        transaction.add(MessageDraft(member_id=member.id, place=place, text=text))
    else:
        draft.text, draft.typed_at = text, now()
    await transaction.flush()
    return True


async def delete_draft(transaction: Transaction, member: Member, place: str) -> None:
    """What was typed in a place is sent."""
    draft = await get_draft(transaction, member, place)
    if draft is not None:
        await transaction.delete(draft)
