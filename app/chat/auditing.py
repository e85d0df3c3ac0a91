"""What the audit log calls rooms: of one by invitation, those who are in it read the name, and other admins do not."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from sqlalchemy import ColumnElement, and_, bindparam, select

from app.accounts.audit import AuditedName, names_audited_places
from app.chat.memberships import Membership
from app.chat.rooms import Room
from app.database import PreparedSelect, Transaction
from app.web.texts import _l

# Which part of an entry names a room, for each kind that does.
AUDITED_ROOMS = {
    "incoming.made": "after",
    "incoming.ended": "after",
    "room.archived": "subject",
    "room.opened": "subject",
    "room.member-removed": "before",
    "room.member-returned": "after",
    "message.deleted": "before",
    "message.restored": "after",
}
# What an entry keeps of a room (`audited_name`). Entries of earlier versions keep the name that it had.
KEPT_ROOM = re.compile(r"(?:private-)?room-([0-9]{1,18})")


def select_audited(criterion: Callable[[], ColumnElement[bool]]) -> PreparedSelect[Room, int]:
    """The select of rooms, each with the membership of a member who is in it."""
    inside = and_(
        Membership.room_id == Room.id,
        Membership.tenant_id == Room.tenant_id,
        Membership.member_id == bindparam("member_id"),
    )
    return PreparedSelect(lambda: select(Room, Membership.member_id).outerjoin(Membership, inside).where(criterion()))


LIST_AUDITED_ROOMS = select_audited(lambda: Room.id.in_(bindparam("ids")))
LIST_ROOMS_CALLED = select_audited(lambda: Room.name.in_(bindparam("names")))


@names_audited_places(AUDITED_ROOMS)
async def name_audited_rooms(transaction: Transaction, member_id: int, kept: Collection[str]) -> dict[str, AuditedName]:
    """Rooms by what entries keep of them. The name that an earlier version kept is told if a room that the reader may
    know has it now: of another one it is not known whether it was by invitation."""
    numbers = {each: int(found[1]) for each in kept if (found := KEPT_ROOM.fullmatch(each))}
    names = sorted(set(kept) - set(numbers))
    called: dict[str, AuditedName] = dict.fromkeys(names, _l("a renamed room"))
    if names:
        rows = await transaction.rows(LIST_ROOMS_CALLED, names=names, member_id=member_id)
        called |= {room.name: _l("a private room") for room, _ in rows}
        called |= {room.name: room.name for room, inside in rows if room.open or inside}
    if numbers:
        rows = await transaction.rows(LIST_AUDITED_ROOMS, ids=sorted(set(numbers.values())), member_id=member_id)
        known = {room.id: room.name for room, inside in rows if room.open or inside}
        called |= {each: known.get(number) or _l("a private room") for each, number in numbers.items()}
    return called
