"""Lists of rooms: those that a member may see, the archived ones, and where the quick switcher leads."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from app.accounts.acquaintance import is_known_to
from app.accounts.choosing import list_persons
from app.accounts.members import Member, is_active
from app.accounts.quick_switcher import LIMIT, Destination, switches_to
from app.accounts.rights import may
from app.chat.direct_rooms import find_direct_people
from app.chat.memberships import Membership, is_visible
from app.chat.rooms import Room
from app.database import Transaction
from app.notifications.kinds import name_of_others
from app.tenants.invited import Invitable, invites_to
from app.web.texts import _l, fold


@dataclass(frozen=True, slots=True)
class ListedRoom:
    """A room in a list of many, and whether a member is in it."""

    id: int
    slug: str
    name: str
    description: str
    kind: str
    joined: bool


async def list_rooms(transaction: Transaction, member: Member) -> list[ListedRoom]:
    """The rooms that a member is in, or may join, by name; direct ones after the others."""
    place = (
        (Membership.tenant_id == Room.tenant_id) & (Membership.room_id == Room.id) & (Membership.member_id == member.id)
    )
    statement = (
        select(Room.id, Room.slug, Room.name, Room.description, Room.kind, Room.subject, Membership.member_id)
        .outerjoin(Membership, place)
        .where(
            Room.archived_at.is_(None),
            Room.kind != "discussion",
            is_visible(member),
        )
    )
    rows = (await transaction.execute(statement)).all()
    people = await find_direct_people(transaction, [(row.id, row.subject) for row in rows if row.kind == "direct"])
    rooms = [
        ListedRoom(
            row.id,
            row.slug,
            name_of_others(people[row.id], member.id) if row.id in people else row.name,
            row.description,
            row.kind,
            row.member_id is not None,
        )
        for row in rows
    ]
    return sorted(rooms, key=lambda room: (room.kind == "direct", fold(room.name), room.id))


# Archived rooms on a page of their list.
ARCHIVED_A_PAGE = 50


async def list_archived(transaction: Transaction, member: Member, page: int) -> tuple[list[Room], int]:
    """The archived rooms that a member may see, the newest first, on one page of them; and how many pages there are."""
    seen = Room.archived_at.is_not(None), is_visible(member)
    count = await transaction.scalar(select(func.count(Room.id)).where(*seen)) or 0
    statement = select(Room).where(*seen).order_by(Room.archived_at.desc(), Room.id.desc())
    found = await transaction.scalars(statement.offset((page - 1) * ARCHIVED_A_PAGE).limit(ARCHIVED_A_PAGE))
    return list(found), max(1, -(-count // ARCHIVED_A_PAGE))


@switches_to
async def find_rooms(transaction: Transaction, member: Member, text: str) -> list[Destination]:
    """Rooms that a member is in, or may join."""
    found = [room for room in await list_rooms(transaction, member) if text in fold(room.name)]
    return [Destination(room.name, _l("Room"), "hash", f"/chat/{room.slug}") for room in found[:LIMIT]]


@switches_to
async def find_people_to_write_to(transaction: Transaction, member: Member, text: str) -> list[Destination]:
    """Others to write to."""
    if not may(member, "write", "messages"):
        return []
    others = await list_persons(transaction, Member.id != member.id, is_known_to(member), *is_active())
    found = [person for person in others if text in person.folded]
    return [
        Destination(person.name, _l("Person"), "user", "/chat/direct", ("person", str(person.id)))
        for person in found[:LIMIT]
    ]


@invites_to("room", _l("Rooms"), "/choices/rooms?invite=yes")
async def list_invitable_rooms(transaction: Transaction, member: Member) -> list[Invitable]:
    """The rooms that a member may bring guests into with an invitation: public ones, and those that they are in."""
    rooms = await list_rooms(transaction, member)
    return [Invitable(room.id, room.name) for room in rooms if room.kind in ("public", "private")]
