"""Discussions of things that are gone for good: deleted with what was said, and its files, a part at a time."""

from __future__ import annotations

from sqlalchemy import BigInteger, and_, case, cast, delete, exists, func, or_, select

from app.chat.attachments import Attachment, delete_all
from app.chat.channels import RoomsOf
from app.chat.drafts import MessageDraft
from app.chat.memberships import Membership
from app.chat.messages import Message
from app.chat.references import MessageIndex
from app.chat.rooms import Room
from app.database import Transaction
from app.editing.row_places import EDITABLE_KINDS
from app.notifications.withdrawals import forget_subjects


async def delete_ended(transaction: Transaction, limit: int) -> tuple[int, list[str]]:
    """Delete at most `limit` files or messages of a discussion whose thing is gone for good; of one that has none left
    the rest. How many it was, `limit` where there may be more, and the keys of what is to be deleted on disk."""
    rules = []
    for name, kind in EDITABLE_KINDS.items():
        begins = Room.subject.startswith(f"{name}-", autoescape=True)
        number = cast(case((begins, func.substr(Room.subject, len(name) + 2))), BigInteger)
        is_there = exists().where(kind.model.id == number, kind.model.tenant_id == Room.tenant_id)
        rules.append(and_(begins, ~is_there))
    ended = select(Room.id).where(Room.kind == "discussion", or_(*rules)).order_by(Room.id).limit(1)
    room_id = await transaction.scalar(ended)
    if room_id is None:
        return 0, []
    files = select(Attachment).where(Attachment.room_id == room_id).order_by(Attachment.id).limit(limit)
    if found := (await transaction.scalars(files)).all():
        return limit, await delete_all(transaction, found)
    # The newest first: an answer names what it answers.
    messages = select(Message.id).where(Message.room_id == room_id).order_by(Message.id.desc()).limit(limit)
    if ids := (await transaction.scalars(messages)).all():
        for statement in (
            delete(MessageIndex).where(MessageIndex.rowid.in_(ids)),
            delete(Message).where(Message.id.in_(ids)),
        ):
            await transaction.execute(statement)
        return limit, []
    await forget_subjects(transaction, "room", [room_id])
    inside = (await transaction.scalars(select(Membership.member_id).where(Membership.room_id == room_id))).all()
    transaction.show(*(RoomsOf(each) for each in inside))  # where something was unread in it
    subject = await transaction.scalar(select(Room.subject).where(Room.id == room_id))
    for statement in (
        delete(MessageDraft).where(MessageDraft.place == subject),
        delete(Room).where(Room.id == room_id),
    ):
        await transaction.execute(statement)
    return limit, []
