"""Discussions: each belongs to a thing that can be edited, and begins with the first word about it."""

from __future__ import annotations

from litestar.exceptions import NotFoundException
from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.accounts.rights import require
from app.chat.facts import DiscussionOpened
from app.chat.memberships import add_all
from app.chat.new_rooms import open_discussion
from app.chat.rooms import Room, find_discussion
from app.database import PreparedSelect, Transaction
from app.editing.row_places import Card, RowPlace, find_card, kind_of, list_readable_rows


async def get_card(transaction: Transaction, member: Member, subject: str) -> Card:
    """What a discussion is about. Raises NotFoundException, also for what a member may not read."""
    card = await find_card(transaction, subject)
    if card is None or not await list_readable_rows(transaction, member, [card.row]):
        raise NotFoundException
    return card


async def find_discussed(transaction: Transaction, room: Room) -> RowPlace | None:
    """Where that is which a room is about; None for a room of its own."""
    card = await find_card(transaction, room.subject) if room.kind == "discussion" and room.subject else None
    return card.place if card else None


LIST_THERE = PreparedSelect(
    lambda: select(Member.id).where(Member.id.in_(bindparam("ids")), Member.removed_at.is_(None)).order_by(Member.id)
)


async def enter_discussion(transaction: Transaction, member: Member, subject: str) -> Room:
    """The discussion of a thing, made if there is none yet, with those who made and changed the thing in it.

    Raises NotFoundException when the thing is not there for the member, and a 403 page for who writes nothing.
    """
    card = await get_card(transaction, member, subject)
    require(member, "write", "messages")
    room = await find_discussion(transaction, subject)
    if room is None:
        room = await open_discussion(transaction, subject, card.place.title)
        ids = await kind_of(card.row).find_people(transaction, card.row)
        people = tuple(await transaction.column(LIST_THERE, ids=ids))
        await add_all(transaction, room, people)
        transaction.keep(room)
        transaction.note(
            DiscussionOpened(
                by=transaction.actor,
                room_id=room.id,
                subject=subject,
                channel=card.place.channel,
                people=people,
            )
        )
    return room
