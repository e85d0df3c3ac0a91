"""A member's own place in a room: what they want to be told of it, and up to where they have read. Their open pages
follow at once, whichever way it was said."""

from __future__ import annotations

from app.accounts.members import Member
from app.chat.channels import UnreadFrom, push_read
from app.chat.memberships import find_membership, set_notify
from app.chat.notices import mark_messages_read
from app.chat.reading import mark_read_up_to
from app.chat.rooms import Room
from app.database import Transaction


async def choose_told(transaction: Transaction, room: Room, member: Member, notify: str) -> None:
    """Choose what one is told of a room, joining it. Raises Invalid, and a 403 page for a room that is not open."""
    await set_notify(transaction, room, member, notify)
    await push_read(transaction, member, room)


async def mark_unread_from(transaction: Transaction, room: Room, member: Member, number: int) -> None:
    """Have a room unread from a message on, for a member who is in it. Their open pages of it read nothing there until
    it is opened again."""
    membership = await find_membership(transaction, room, member)
    if membership is None:
        return
    membership.read_number = min(membership.read_number, number - 1)
    await transaction.flush()
    await push_read(transaction, member, room)
    transaction.show(UnreadFrom(member.id, room, number))


async def read_up_to(transaction: Transaction, room: Room, member: Member, number: int, *, since: int = 0) -> None:
    """Note that a member has read up to a message, from the one with the number `since`, with what was told of them."""
    if await mark_read_up_to(transaction, room, member, number, since=since):
        await push_read(transaction, member, room)
    await mark_messages_read(transaction, room, member, number, since=since)
