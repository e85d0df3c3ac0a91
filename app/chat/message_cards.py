"""The cards of records in messages, and who is told what is on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Set

from msgspec.structs import replace
from sqlalchemy import Select, and_, bindparam, exists, or_, select

from app.accounts.members import Member, is_active
from app.accounts.rights import INSIDERS
from app.chat.memberships import Membership
from app.chat.messages import Message
from app.chat.references import RecordReference
from app.chat.rooms import Room
from app.database import PreparedSelect, Transaction
from app.editing.row_places import Card, find_cards, list_readable_rows

LIST_REFERENCES = PreparedSelect(
    lambda: (
        select(RecordReference.message_id, RecordReference.subject, Message.room_id)
        .join(Message, (Message.id == RecordReference.message_id) & (Message.tenant_id == RecordReference.tenant_id))
        .where(RecordReference.message_id.in_(bindparam("message_ids")))
        .order_by(RecordReference.message_id, RecordReference.position)
    )
)


async def find_message_cards(transaction: Transaction, ids: list[int], viewer: Member | None) -> dict[int, list[Card]]:
    """Cards of the records that messages refer to; a reference to nothing has none. They are `told` to a viewer who may
    read them, and refused to others; without a viewer they are told where everybody in the room may."""
    references = await transaction.rows(LIST_REFERENCES, message_ids=ids) if ids else ()
    if not references:
        return {}
    cards = await find_cards(transaction, {subject for _, subject, _ in references})
    told = await find_told(transaction, {(room_id, subject) for _, subject, room_id in references}, cards, viewer)
    found: dict[int, list[Card]] = defaultdict(list)
    for message_id, subject, room_id in references:
        if subject in cards:
            is_told = (room_id, subject) in told
            refused = viewer is not None and not is_told
            found[message_id].append(replace(cards[subject], told=is_told, refused=refused))
    return found


def list_addresses(card: Card) -> tuple[str, str]:
    """How messages link to a record: where it is, and by its number alone (text/markdown.py)."""
    return card.place.address, f"/records/{card.row.id}"


async def find_told(
    transaction: Transaction, asked: Set[tuple[int, str]], cards: Mapping[str, Card], viewer: Member | None
) -> Set[tuple[int, str]]:
    """Of rooms and names of rows, those of which a viewer may read the row; or, without one, everybody in the room."""
    rows = {card.row for card in cards.values()}
    readable = set(await list_readable_rows(transaction, viewer, rows)) if rows else set()
    with_guests: Collection[int] = ()
    if not viewer:
        with_guests = await transaction.column(FIND_ROOMS_WITH_GUESTS, room_ids={room_id for room_id, _ in asked})
    return {
        (room_id, subject)
        for room_id, subject in asked
        if subject in cards and cards[subject].row in readable and room_id not in with_guests
    }


def make_rooms_with_guests() -> Select[int]:
    """The select of those of some rooms that a guest may see: who is in one; and of a discussion whoever is a guest at
    all may."""
    guest = exists().where(Member.role.not_in(INSIDERS), *is_active())
    inside = exists().where(
        Membership.room_id == Room.id,
        Membership.tenant_id == Room.tenant_id,
        Membership.member_id == Member.id,
        Membership.tenant_id == Member.tenant_id,
        Member.role.not_in(INSIDERS),
        *is_active(),
    )
    seen = or_(inside.correlate(Room), and_(Room.kind == "discussion", guest))
    return select(Room.id).where(Room.id.in_(bindparam("room_ids")), seen)


FIND_ROOMS_WITH_GUESTS = PreparedSelect(make_rooms_with_guests)
