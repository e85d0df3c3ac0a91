"""Where a room is on a day."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.chat.messages import Message
from app.chat.rooms import Room
from app.database import PreparedSelect, Transaction

FIND_FIRST_SINCE = PreparedSelect(
    lambda: (
        select(Message.number)
        .where(Message.room_id == bindparam("room_id"), Message.created_at >= bindparam("since"))
        .order_by(Message.number)
        .limit(1)
    )
)


async def find_first_on(transaction: Transaction, room: Room, member: Member, day: str) -> int:
    """The number of a room's first message of a day, as its reader has days, or after it; 0 for none, and for what is
    no day."""
    try:
        since = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=ZoneInfo(member.time_zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return 0
    return await transaction.value(FIND_FIRST_SINCE, room_id=room.id, since=since) or 0
