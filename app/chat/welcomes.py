"""What a room shows before anybody has said anything in it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import bindparam, select

from app.accounts.members import Member, is_active
from app.accounts.rights import may
from app.chat.memberships import Membership, find_access
from app.chat.people import count_people
from app.chat.rooms import Room
from app.database import PreparedSelect, Transaction

# How many of those who are in a room its introduction shows.
FACES_SHOWN = 6


class Welcome(Struct, frozen=True):
    """Some of those who are in a room (of a direct one, the others), how many more there are, and whether its reader
    may invite."""

    people: Sequence[Member]
    more: int
    may_invite: bool


LIST_FIRST_INSIDE = PreparedSelect(
    lambda: (
        select(Member)
        .join(Membership, (Membership.member_id == Member.id) & (Membership.tenant_id == Member.tenant_id))
        .where(Membership.room_id == bindparam("room_id"), Member.id != bindparam("left_out"), *is_active())
        .order_by(Membership.joined_at, Member.id)
        .limit(FACES_SHOWN)
    )
)


async def welcome_to(transaction: Transaction, member: Member, room: Room) -> Welcome:
    """The introduction of an empty room for one of its readers."""
    direct = room.kind == "direct"
    people = await transaction.column(LIST_FIRST_INSIDE, room_id=room.id, left_out=member.id if direct else 0)
    count = await count_people(transaction, room)
    more = max(0, count - direct - len(people))
    return Welcome(people, more, may(member, "invite to", await find_access(transaction, room, member)))
