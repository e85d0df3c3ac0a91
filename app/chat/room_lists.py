"""Lists of rooms: those that a member may see, the archived ones, and where the quick switcher leads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache

from msgspec import Struct
from sqlalchemy import and_, bindparam, func, or_, select

from app.accounts.choosing import list_known
from app.accounts.members import Member
from app.accounts.quick_switcher import Destination, Sought, switches_to
from app.accounts.rights import is_entitled, may
from app.accounts.token_forms import NARROWINGS, Narrowing
from app.chat.direct_rooms import find_direct_people
from app.chat.memberships import Membership, is_visible
from app.chat.rooms import Room
from app.database import PreparedSelect, Transaction
from app.folding import fold
from app.notifications.kinds import name_of_others
from app.tenants.invited import Invitable, invites_to
from app.web.texts import _l


class ListedRoom(Struct, frozen=True):
    """A room in a list of many, and whether a member is in it. `others` are who else is in a direct one."""

    id: int
    slug: str
    name: str
    description: str
    kind: str
    joined: bool
    others: tuple[tuple[int, str], ...] = ()


@cache
def select_rooms(*, insider: bool) -> PreparedSelect[int, str, str, str, str, str | None, int | None]:
    """The select of open rooms that a member may see, whether they are in them or not."""
    place = (
        (Membership.tenant_id == Room.tenant_id)
        & (Membership.room_id == Room.id)
        & (Membership.member_id == bindparam("member_id"))
    )
    listed = (Room.id, Room.slug, Room.name, Room.description, Room.kind, Room.subject)
    return PreparedSelect(
        lambda: (
            select(*listed, Membership.member_id)
            .outerjoin(Membership, place)
            .where(
                Room.archived_at.is_(None),
                Room.kind != "discussion",
                is_visible(bindparam("member_id"), insider=insider),
            )
        )
    )


async def list_rooms(transaction: Transaction, member: Member) -> list[ListedRoom]:
    """The rooms that a member is in, or may join, by name; direct ones after the others."""
    prepared = select_rooms(insider=is_entitled(member, "see", "everybody"))
    found = await transaction.rows(prepared, member_id=member.id)
    people = await find_direct_people(
        transaction, [(number, subject) for number, _, _, _, kind, subject, _ in found if kind == "direct"]
    )
    rooms = [
        ListedRoom(
            number,
            slug,
            name_of_others(people[number], member.id) if number in people else name,
            description,
            kind,
            inside is not None,
            tuple(person for person in people.get(number, ()) if person[0] != member.id),
        )
        for number, slug, name, description, kind, _, inside in found
    ]
    return sorted(rooms, key=lambda room: (room.kind == "direct", fold(room.name), room.id))


# Archived rooms on a page of their list.
ARCHIVED_A_PAGE = 50
# Behind the place of each in their list.
AFTER_ALL = (datetime(9000, 1, 1, tzinfo=UTC), 0)


@cache
def count_archived(*, insider: bool) -> PreparedSelect[int]:
    """The select of how many archived rooms a member may see."""
    seen = is_visible(bindparam("member_id"), insider=insider)
    return PreparedSelect(lambda: select(func.count(Room.id)).where(Room.archived_at.is_not(None), seen))


@cache
def select_archived(*, insider: bool) -> PreparedSelect[Room]:
    """The select of the archived rooms that a member may see, the newest first, some at a time."""
    seen = is_visible(bindparam("member_id"), insider=insider)
    at_once = and_(Room.archived_at == bindparam("moment"), Room.id < bindparam("below"))
    return PreparedSelect(
        lambda: (
            select(Room)
            .where(or_(Room.archived_at < bindparam("moment"), at_once), seen)
            .order_by(Room.archived_at.desc(), Room.id.desc())
            .offset(bindparam("skipped"))
            .limit(bindparam("most"))
        )
    )


async def list_archived(transaction: Transaction, member: Member, page: int) -> tuple[list[Room], int]:
    """The archived rooms that a member may see, the newest first, on one page of them; and how many pages there are."""
    insider = is_entitled(member, "see", "everybody")
    count = await transaction.value(count_archived(insider=insider), member_id=member.id) or 0
    skipped = (page - 1) * ARCHIVED_A_PAGE
    found = await list_archived_before(transaction, member, AFTER_ALL, ARCHIVED_A_PAGE, skipped=skipped)
    return found, max(1, -(-count // ARCHIVED_A_PAGE))


async def list_archived_before(
    transaction: Transaction, member: Member, place: tuple[datetime, int], most: int, *, skipped: int = 0
) -> list[Room]:
    """Some of the archived rooms that a member may see, the newest first: of those that were archived before a moment,
    or at it with lower ids than one, behind those that are skipped."""
    prepared = select_archived(insider=is_entitled(member, "see", "everybody"))
    moment, room_id = place
    return await transaction.column(
        prepared, member_id=member.id, moment=moment, below=room_id, skipped=skipped, most=most
    )


ROOM_ICONS = {"public": "hash", "private": "lock", "direct": "users"}


@switches_to
async def find_room_destinations(transaction: Transaction, member: Member, sought: Sought) -> list[Destination]:
    """Rooms that a member is in, or may join."""
    return sought.pick(
        Destination("rooms", room.name, f"/chat/{room.slug}", ROOM_ICONS[room.kind], f"room-{room.id}")
        for room in await list_rooms(transaction, member)
    )


@switches_to
async def find_people_to_write_to(transaction: Transaction, member: Member, sought: Sought) -> list[Destination]:
    """Others to write to, when somebody is looked for."""
    if not sought.text or not may(member, "write", "messages"):
        return []
    return sought.pick(
        Destination("people", person.name, "/chat/direct", "user", fields=(("person", person.value),))
        for person in await list_known(transaction, member)
        if person.id != member.id
    )


@invites_to("room", _l("Rooms"), "/choices/rooms?invite=yes")
async def list_invitable_rooms(transaction: Transaction, member: Member) -> list[Invitable]:
    """The rooms that a member may bring guests into with an invitation: public ones, and those that they are in."""
    rooms = await list_rooms(transaction, member)
    return [Invitable(room.id, room.name, room.slug) for room in rooms if room.kind in ("public", "private")]


async def find_narrowed_rooms(transaction: Transaction, member: Member, slugs: Iterable[str]) -> dict[str, int]:
    """The ids of rooms by their addresses, of those that a member may see."""
    wanted = set(slugs)
    return {room.slug: room.id for room in await list_rooms(transaction, member) if room.slug in wanted}


async def name_narrowed_rooms(transaction: Transaction, ids: Iterable[int]) -> dict[int, str]:
    """The names of rooms, by their ids; of a direct one its address."""
    return {number: room.name or room.slug for number, room in (await transaction.find_all(Room, ids)).items()}


NARROWINGS["rooms"] = Narrowing(
    _l("Only in these rooms"),
    _l("Their addresses, such as “team”, separated by commas. Leave empty for all rooms you can see."),
    find_narrowed_rooms,
    name_narrowed_rooms,
    _l("a private room"),
)
