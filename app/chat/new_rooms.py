"""Rooms are made: by somebody, for a few who write to each other, for a discussion, and the general one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, or_, select

from app.accounts.facts import MemberJoined, RoleChanged
from app.accounts.members import Member
from app.accounts.rights import INSIDERS, is_entitled, require
from app.chat.direct_rooms import name_of
from app.chat.facts import MemberEntered, MemberLeft, RoomMade
from app.chat.memberships import Membership, add_all
from app.chat.rooms import FIND_ROOM_OF, GENERAL, LONGEST_ROOM_NAME, Room, check_name, find_discussion
from app.database import Actor, PreparedChange, PreparedSelect, Transaction
from app.notifications.kinds import split
from app.web.forms import Invalid
from app.web.texts import _l, spell_in_ascii


async def create_room(
    transaction: Transaction, member: Member, *, name: str, description: str = "", private: bool = False, slug: str = ""
) -> Room:
    """Make a room, with its maker in it.

    Raises Invalid when it has no name that a room could have.
    """
    require(member, "make", "rooms")
    name, description = check_name(name, description)
    room = Room(
        slug=slug or await find_free_slug(transaction, name),
        name=name,
        description=description,
        kind="private" if private else "public",
        created_by_id=member.id,
    )
    await add_room(transaction, room, [member])
    note_made(transaction, room, transaction.acting(member.id), [member])
    return room


async def add_room(transaction: Transaction, room: Room, people: Sequence[Member]) -> Room:
    """Store a room with people in it."""
    room.last_number = 0
    transaction.add(room)
    await transaction.flush()
    transaction.add_all(Membership(room_id=room.id, member_id=person.id) for person in people)
    await transaction.flush()
    return room


def note_made(transaction: Transaction, room: Room, by: Actor, people: Sequence[Member]) -> None:
    """Note that a room was made."""
    kind: Any = room.kind
    transaction.keep(room)
    transaction.note(RoomMade(by=by, room_id=room.id, kind=kind, people=tuple(person.id for person in people)))


LIST_TAKEN_SLUGS = PreparedSelect(
    lambda: select(Room.slug).where(or_(Room.slug == bindparam("stem"), Room.slug.like(bindparam("numbered"))))
)


async def find_free_slug(transaction: Transaction, name: str) -> str:
    """A slug from a room's name that no room has."""
    stem = "-".join(spell_in_ascii(name))[:60].strip("-") or "room"
    if stem in ("new", "search", "files", "direct") or stem.startswith(("direct-", "about-")):
        stem = f"room-{stem}"
    taken = set(await transaction.column(LIST_TAKEN_SLUGS, stem=stem, numbered=f"{stem}-%"))
    number = 2
    slug = stem
    while slug in taken:
        slug, number = f"{stem}-{number}", number + 1
    return slug


async def open_discussion(transaction: Transaction, subject: str, name: str) -> Room:
    """The discussion of a thing such as `record-42`, made with the first message."""
    found = await find_discussion(transaction, subject)
    if found is not None:
        return found
    room = Room(slug=f"about-{subject}", name=name[:LONGEST_ROOM_NAME], kind="discussion", subject=subject)
    return await add_room(transaction, room, [])


FIND_GENERAL = PreparedSelect(lambda: select(Room).where(Room.slug == GENERAL))
# Who should be in a room, and is not.
LIST_MISSING = PreparedSelect(
    lambda: select(Member.id).where(
        Member.id.not_in(select(Membership.member_id).where(Membership.room_id == bindparam("room_id"))),
        Member.removed_at.is_(None),
        Member.role.in_(INSIDERS),
    )
)


async def ensure_general(transaction: Transaction) -> Room:
    """The room that everybody but guests is in; it is made, and whoever is missing joins."""
    room = await transaction.value(FIND_GENERAL)
    if room is None:
        name = _l("general").translate(transaction.tenant.language)
        room = await add_room(transaction, Room(slug=GENERAL, name=name, kind="public"), [])
    await add_all(transaction, room, await transaction.column(LIST_MISSING, room_id=room.id))
    return room


async def place_in_rooms(transaction: Transaction, facts: Sequence[MemberJoined | RoleChanged]) -> None:
    """Newcomers are in the general room, and who is no guest any more; guests are where they were invited to. Who
    becomes a guest leaves the public rooms: of others, somebody has brought them in."""
    people = await transaction.find_all(Member, [fact.member_id for fact in facts])
    guests = {each.id: each for each in people.values() if not is_entitled(each, "see", "everybody")}
    if len(guests) < len(people):
        await ensure_general(transaction)
    for fact in facts:
        if fact.member_id not in guests:
            continue
        if isinstance(fact, RoleChanged):
            await leave_public_rooms(transaction, fact)
        else:
            await bring_in(transaction, fact)


LIST_NAMED_ROOMS = PreparedSelect(
    lambda: select(Room).where(
        Room.id.in_(bindparam("ids")), Room.kind.in_(("public", "private")), Room.archived_at.is_(None)
    )
)


async def bring_in(transaction: Transaction, fact: MemberJoined) -> None:
    """Bring a guest into the rooms that the invitation was to, as far as they are open still."""
    wanted = [number for name, number in map(split, fact.invited_to) if name == "room"]
    if not wanted:
        return
    for room in await transaction.column(LIST_NAMED_ROOMS, ids=wanted):
        membership = {"room_id": room.id, "member_id": fact.member_id, "read_number": room.last_number}
        await transaction.insert_rows(Membership, membership)
        transaction.keep(room)
        transaction.note(MemberEntered(by=fact.by, room_id=room.id, member_id=fact.member_id))


LIST_PUBLIC_ROOMS_OF = PreparedSelect(
    lambda: (
        select(Room)
        .join(Membership, (Membership.room_id == Room.id) & (Membership.tenant_id == Room.tenant_id))
        .where(Membership.member_id == bindparam("member_id"), Room.kind == "public")
    )
)
LEAVE_ROOMS = PreparedChange(
    lambda: delete(Membership).where(
        Membership.member_id == bindparam("whose"), Membership.room_id.in_(bindparam("room_ids"))
    )
)


async def leave_public_rooms(transaction: Transaction, fact: RoleChanged) -> None:
    """Take somebody out of the public rooms."""
    rooms = await transaction.column(LIST_PUBLIC_ROOMS_OF, member_id=fact.member_id)
    await transaction.apply(LEAVE_ROOMS, whose=fact.member_id, room_ids=[room.id for room in rooms])
    for room in rooms:
        transaction.keep(room)
        transaction.note(MemberLeft(by=fact.by, room_id=room.id, member_id=fact.member_id))


async def open_direct(transaction: Transaction, people: Sequence[Member]) -> Room:
    """The direct room of these people; the same people always get the same one.

    Raises Invalid for fewer than two or more than eight.
    """
    unique = sorted({person.id: person for person in people}.values(), key=lambda person: person.id)
    if not 2 <= len(unique) <= MOST_IN_DIRECT:
        raise Invalid(people=_l("Choose from 1 to %(limit)d people.", limit=MOST_IN_DIRECT - 1))
    subject = "people-" + "-".join(str(person.id) for person in unique)
    found = await transaction.value(FIND_ROOM_OF, subject=subject)
    if found is not None:
        return found
    slug = "direct-" + "-".join(str(person.id) for person in unique)
    room = Room(slug=slug, name=name_of(unique), kind="direct", subject=subject)
    await add_room(transaction, room, unique)
    note_made(transaction, room, transaction.actor, unique)
    return room


# Members of a direct room; more people make a private one.
MOST_IN_DIRECT = 8
