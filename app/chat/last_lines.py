"""The last message of each of some rooms, in a line: on the home page, and in the list of rooms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import aliased

from app.accounts.members import Member
from app.accounts.mentions import read_texts
from app.accounts.programs import name_with_program
from app.chat.messages import Message
from app.chat.rooms import Room
from app.chat.timeline import QUOTE_EXCERPT
from app.database import PreparedSelect, Transaction
from app.web.texts import Text, shorten_text


class LastLine(Struct, frozen=True):
    """The last message of a room, in a line."""

    number: int
    author: Text
    text: str
    at: datetime


def make_list_of_last() -> Select[Message, str]:
    """The select of the last messages of some rooms, with their authors' names; the newest first. What was deleted is
    passed over."""
    before = aliased(Message)
    last = (
        select(before.number)
        .where(before.tenant_id == Room.tenant_id, before.room_id == Room.id, before.deleted_at.is_(None))
        .order_by(before.number.desc())
        .limit(1)
        .correlate(Room)
        .scalar_subquery()
    )
    return (
        select(Message, Member.name)
        .join(Member, (Member.id == Message.member_id) & (Member.tenant_id == Message.tenant_id))
        .join(Room, (Room.id == Message.room_id) & (Room.tenant_id == Message.tenant_id))
        .where(Room.id.in_(bindparam("room_ids")), Message.number == last)
        .order_by(Message.id.desc())
        .limit(bindparam("most"))
    )


LIST_LAST = PreparedSelect(make_list_of_last)


async def find_last_lines(transaction: Transaction, room_ids: Sequence[int], *, most: int) -> dict[int, LastLine]:
    """The last lines of some rooms, by their ids, the newest first; of at most so many."""
    if not room_ids:
        return {}
    rows = await transaction.rows(LIST_LAST, room_ids=room_ids, most=most)
    texts = await read_texts(transaction, *(message.plain for message, _ in rows))
    return {
        message.room_id: LastLine(
            message.number,
            name_with_program(name, message.program),
            shorten_text(text, QUOTE_EXCERPT),
            message.created_at,
        )
        for (message, name), text in zip(rows, texts, strict=True)
    }
