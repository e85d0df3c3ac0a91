"""Who is in a room: joining, leaving, inviting, removing; and what a member keeps there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from app.accounts.members import Member
from app.accounts.rights import require
from app.accounts.undo import end_offers
from app.chat.facts import MemberEntered, MemberInvited, MemberLeft, MemberRemoved
from app.chat.rooms import Membership, Room, RoomAccess, find_access, find_membership
from app.database import Transaction
from app.web.forms import Invalid
from app.web.texts import _l

Notify = Literal["everything", "mentions", "nothing"]
NOTIFY = ("everything", "mentions", "nothing")


async def end_undo(transaction: Transaction, room: Room, person: Member) -> None:
    """Somebody comes or goes: what was done before is not taken back any more."""
    await end_offers(transaction, ("room.left", "room.member-removed"), room=room.id, person=person.id)


async def join(transaction: Transaction, room: Room, member: Member) -> Membership:
    """Join an open room; who is in it already stays as they are.

    Raises a 403 page for a room that one is invited to.
    """
    membership = await find_membership(transaction, room, member)
    if membership is None:
        require(member, "enter", RoomAccess(room, inside=False))
        membership = await add_membership(transaction, room, member)
        transaction.keep(room)
        transaction.note(MemberEntered(by=transaction.acting(member.id), room_id=room.id, member_id=member.id))
    return membership


async def add_membership(transaction: Transaction, room: Room, member: Member) -> Membership:
    """Put a member into a room; what was said before counts as read."""
    await end_undo(transaction, room, member)
    membership = Membership(room_id=room.id, member_id=member.id, read_number=room.last_number)
    transaction.add(membership)
    await transaction.flush()
    return membership


async def add_all(transaction: Transaction, room: Room, member_ids: Iterable[int]) -> None:
    """Put members into a room that they are not in, likewise, in one statement."""
    rows = [{"room_id": room.id, "member_id": each, "read_number": room.last_number} for each in member_ids]
    await transaction.insert_rows(Membership, *rows)


async def leave(transaction: Transaction, room: Room, member: Member) -> None:
    """Leave a room; nothing happens when one is not in it.

    Raises a 403 page for rooms that one can't leave.
    """
    require(member, "leave", room)
    if await end_membership(transaction, room, member):
        transaction.note(MemberLeft(by=transaction.acting(member.id), room_id=room.id, member_id=member.id))


async def end_membership(transaction: Transaction, room: Room, member: Member) -> bool:
    """End a membership. False when there is none."""
    membership = await find_membership(transaction, room, member)
    if membership is None:
        return False
    await end_undo(transaction, room, member)
    await transaction.delete(membership)
    await transaction.flush()
    transaction.keep(room)
    return True


async def invite(transaction: Transaction, room: Room, member: Member, person: Member) -> bool:
    """Bring somebody into a room that one is in. False when they are there already.

    Raises a 403 page for direct rooms, and for a room that the inviting member is not in.
    """
    require(member, "invite to", await find_access(transaction, room, member))
    if await find_membership(transaction, room, person) is not None:
        return False
    await add_membership(transaction, room, person)
    transaction.keep(room)
    transaction.note(MemberInvited(by=transaction.acting(member.id), room_id=room.id, member_id=person.id))
    return True


async def remove(transaction: Transaction, room: Room, member: Member, person: Member) -> None:
    """Take somebody out of a room; nothing happens when they are not in it.

    Raises a 403 page unless the member may.
    """
    require(member, "archive", room)
    if await end_membership(transaction, room, person):
        named = person.email or person.name
        transaction.note(
            MemberRemoved(
                by=transaction.acting(member.id), room_id=room.id, member_id=person.id, person=named, room=room.name
            )
        )


async def set_notify(transaction: Transaction, room: Room, member: Member, notify: str) -> None:
    """Choose what one is told of a room.

    Raises Invalid for anything but 'everything', 'mentions' and 'nothing'.
    """
    if notify not in NOTIFY:
        raise Invalid(notify=_l("Choose one of these."))
    membership = await join(transaction, room, member)
    membership.notify = notify
    await transaction.flush()
