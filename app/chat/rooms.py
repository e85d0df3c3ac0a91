"""Rooms: made, found by those who may see them, described, archived."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from litestar.exceptions import NotFoundException
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    bindparam,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.facts import MemberJoined
from app.accounts.members import Member, is_active
from app.accounts.mentions import find_member_names as find_member_names
from app.accounts.rights import may, require
from app.accounts.undo import end_offers
from app.chat.facts import RoomArchived, RoomChanged, RoomMade
from app.database import Actor, Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.notifications.kinds import name_of_others
from app.web.forms import Invalid
from app.web.texts import _l, fold, is_blank

RoomKind = Literal["public", "private", "direct", "discussion"]
GENERAL = "general"
RoomOrMember = TypeVar("RoomOrMember", "Room", Member)
LONGEST_ROOM_NAME = 80
# Members of a direct room; more people make a private one.
MOST_IN_DIRECT = 8


class Room(Tenanted, Base):
    """A room. A public one is open to everybody, a private and a direct one to those who are in it; a discussion is
    open to everybody and belongs to the thing that `subject` names.

    `last_number` is the number of its newest message; numbers have no gaps.
    """

    __tablename__ = "room"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "slug", name="uq_room_slug"),
        UniqueConstraint("tenant_id", "subject", name="uq_room_subject"),
        ForeignKeyConstraint(["tenant_id", "created_by_id"], ["member.tenant_id", "member.id"]),
        {"sqlite_autoincrement": True},  # an id is not used again: it names the room's channel
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(LONGEST_ROOM_NAME))
    description: Mapped[str] = mapped_column(String(500), default="")
    kind: Mapped[str] = mapped_column(String(10))
    subject: Mapped[str | None] = mapped_column(String(80))
    last_number: Mapped[int] = mapped_column(BigInteger, default=0)
    created_by_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def open(self) -> bool:
        """Whether everybody in the workspace may read it."""
        return self.kind in ("public", "discussion")


class Membership(Tenanted, Base):
    """A member in a room: up to which message it is read, and what is told of it."""

    __tablename__ = "membership"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "room_id"], ["room.tenant_id", "room.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
        Index("ix_membership_member", "tenant_id", "member_id"),
    )

    room_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    read_number: Mapped[int] = mapped_column(BigInteger, default=0)
    notify: Mapped[str] = mapped_column(String(10), default="everything")
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


def is_visible(member: Member) -> ColumnElement[bool]:
    """The criterion of every query that reads what is in rooms: those that a member may see."""
    inside = exists().where(
        Membership.tenant_id == Room.tenant_id, Membership.room_id == Room.id, Membership.member_id == member.id
    )
    return or_(Room.kind.in_(("public", "discussion")), inside)


# The member's place comes with the room: it is asked for next.
FIND_ROOM = PreparedSelect(
    select(Room, Membership)
    .outerjoin(
        Membership,
        (Membership.tenant_id == Room.tenant_id)
        & (Membership.room_id == Room.id)
        & (Membership.member_id == bindparam("member_id")),
    )
    .where(Room.slug == bindparam("slug"))
)


async def get_room(transaction: Transaction, member: Member, slug: str) -> Room:
    """A room by its slug. Raises NotFoundException for one that this member may not see."""
    found = await transaction.find(FIND_ROOM, slug=slug, member_id=member.id)
    if found is None or not (found[0].open or found[1]):
        raise NotFoundException
    room, membership = found
    transaction.keep(membership)
    return room


@dataclass(frozen=True, slots=True)
class RoomAccess:
    """A room, and whether somebody is in it: what rules ask."""

    room: Room
    inside: bool


async def find_visible(transaction: Transaction, member: Member, room_id: int) -> Room | None:
    """A room by its id, if this member may see it."""
    room = await transaction.get(Room, room_id)
    return room if room is not None and await may_see(transaction, member, room) else None


async def may_see(transaction: Transaction, member: Member, room: Room) -> bool:
    """`is_visible` of a room that is at hand."""
    return may(member, "see", await find_access(transaction, room, member))


async def find_access(transaction: Transaction, room: Room, member: Member) -> RoomAccess:
    """A room, and whether a member is in it."""
    return RoomAccess(room, await find_membership(transaction, room, member) is not None)


async def find_membership(transaction: Transaction, room: Room, member: Member) -> Membership | None:
    """A member's place in a room."""
    return await transaction.get(Membership, (room.id, member.id))


def by_name(named: Iterable[RoomOrMember]) -> list[RoomOrMember]:
    """Rooms or members as people sort names, whatever their accents and case."""
    return sorted(named, key=lambda each: fold(each.name))


async def list_people(transaction: Transaction, room: Room) -> Sequence[Member]:
    """Who is in a room, by name."""
    return (await list_people_of(transaction, [room]))[room]


async def list_people_of(transaction: Transaction, rooms: Sequence[Room]) -> dict[Room, list[Member]]:
    """Who is in each of some rooms, by name."""
    statement = (
        select(Membership.room_id, Member)
        .join(Member, (Membership.member_id == Member.id) & (Membership.tenant_id == Member.tenant_id))
        .where(
            Membership.room_id.in_([room.id for room in rooms]),
            *is_active(),
        )
        .order_by(Member.id)
    )
    found: dict[int, list[Member]] = {room.id: [] for room in rooms}
    for room_id, person in await transaction.execute(statement):
        found[room_id].append(person)
    return {room: by_name(found[room.id]) for room in rooms}


async def count_people_of(transaction: Transaction, rooms: Sequence[Room]) -> dict[Room, int]:
    """How many are in each of some rooms."""
    statement = (
        select(Membership.room_id, func.count())
        .join(Member, (Membership.member_id == Member.id) & (Membership.tenant_id == Member.tenant_id))
        .where(Membership.room_id.in_([room.id for room in rooms]), *is_active())
        .group_by(Membership.room_id)
    )
    found = {room_id: int(count) for room_id, count in await transaction.execute(statement)}
    return {room: found.get(room.id, 0) for room in rooms}


def is_inside(room: Room) -> ColumnElement[bool]:
    """The criterion of members who are in a room."""
    inside = select(Membership.member_id).where(Membership.room_id == room.id)
    return Member.id.in_(inside)


async def find_person(transaction: Transaction, member_id: int) -> Member:
    """An active member. Raises NotFoundException."""
    found = (await transaction.scalars(select(Member).where(Member.id == member_id, *is_active()))).one_or_none()
    if found is None:
        raise NotFoundException
    return found


async def find_members(transaction: Transaction, ids: Sequence[int]) -> list[Member]:
    """Members by their ids, in that order."""
    found = {person.id: person for person in await transaction.scalars(select(Member).where(Member.id.in_(ids)))}
    return [found[member_id] for member_id in ids if member_id in found]


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
            or_(Room.kind == "public", Membership.member_id.is_not(None)),
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


async def create_room(
    transaction: Transaction, member: Member, *, name: str, description: str = "", private: bool = False, slug: str = ""
) -> Room:
    """Make a room, with its maker in it.

    Raises Invalid when it has no name that a room could have.
    """
    check_name(name, description)
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


def check_name(name: str, description: str) -> None:
    """Raise Invalid for a name or description that a room can't have."""
    if is_blank(name):
        raise Invalid(name=_l("This can't be empty."))
    if len(name) > LONGEST_ROOM_NAME:
        raise Invalid(name=_l("At most %(limit)d characters.", limit=LONGEST_ROOM_NAME))
    if len(description) > 500:
        raise Invalid(description=_l("At most %(limit)d characters.", limit=500))


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


async def find_free_slug(transaction: Transaction, name: str) -> str:
    """A slug from a room's name that no room has."""
    stem = "-".join(re.findall(r"[a-z0-9]+", fold(name)))[:60].strip("-") or "room"
    if stem in ("new", "search", "files", "direct") or stem.startswith(("direct-", "about-")):
        stem = f"room-{stem}"
    statement = select(Room.slug).where(or_(Room.slug == stem, Room.slug.like(f"{stem}-%")))
    taken = set(await transaction.scalars(statement))
    number = 2
    slug = stem
    while slug in taken:
        slug, number = f"{stem}-{number}", number + 1
    return slug


async def open_direct(transaction: Transaction, people: Sequence[Member]) -> Room:
    """The direct room of these people; the same people always get the same one.

    Raises Invalid for fewer than two or more than eight.
    """
    unique = sorted({person.id: person for person in people}.values(), key=lambda person: person.id)
    if not 2 <= len(unique) <= MOST_IN_DIRECT:
        raise Invalid(people=_l("Choose between one and %(limit)d people.", limit=MOST_IN_DIRECT - 1))
    subject = "people-" + "-".join(str(person.id) for person in unique)
    found = (await transaction.scalars(select(Room).where(Room.subject == subject))).one_or_none()
    if found is not None:
        return found
    slug = "direct-" + "-".join(str(person.id) for person in unique)
    room = Room(slug=slug, name=name_of(unique), kind="direct", subject=subject)
    await add_room(transaction, room, unique)
    note_made(transaction, room, transaction.actor, unique)
    return room


def name_of(people: Sequence[Member]) -> str:
    """What a direct room of these people is stored as; each of them sees it called after the others."""
    return ", ".join(person.name for person in people)[:LONGEST_ROOM_NAME]


async def find_room_names(transaction: Transaction, viewers: Iterable[tuple[int, Room]]) -> dict[tuple[int, int], str]:
    """What rooms are called for members, by the members' numbers and the rooms': direct ones after the others."""
    pairs = list(viewers)
    people = await find_direct_people(
        transaction, [(room.id, room.subject) for _, room in pairs if room.kind == "direct"]
    )
    return {
        (member_id, room.id): name_of_others(people[room.id], member_id) if room.id in people else room.name
        for member_id, room in pairs
    }


async def find_name(transaction: Transaction, member: Member, room: Room) -> str:
    """What a room is called for a member."""
    return (await find_room_names(transaction, [(member.id, room)]))[member.id, room.id]


async def find_direct_people(
    transaction: Transaction, rooms: Iterable[tuple[int, str | None]]
) -> dict[int, tuple[tuple[int, str], ...]]:
    """The people of direct rooms, by number and name, whether they are still there or not; from the rooms' numbers and
    subjects."""
    inside = {number: [int(n) for n in (subject or "").removeprefix("people-").split("-")] for number, subject in rooms}
    if not inside:
        return {}
    names = await find_member_names(transaction, {member_id for ids in inside.values() for member_id in ids})
    return {
        number: tuple((member_id, names[member_id]) for member_id in ids if member_id in names)
        for number, ids in inside.items()
    }


async def open_discussion(transaction: Transaction, subject: str, name: str) -> Room:
    """The discussion of a thing such as `record-42`, made with the first message."""
    found = await find_discussion(transaction, subject)
    if found is not None:
        return found
    room = Room(slug=f"about-{subject}", name=name[:LONGEST_ROOM_NAME], kind="discussion", subject=subject)
    return await add_room(transaction, room, [])


async def find_discussion(transaction: Transaction, subject: str) -> Room | None:
    """The discussion of a thing, if there has been a word yet."""
    return (await transaction.scalars(select(Room).where(Room.subject == subject))).one_or_none()


async def ensure_general(transaction: Transaction) -> Room:
    """The room that everybody is in; it is made, and whoever is missing joins."""
    room = (await transaction.scalars(select(Room).where(Room.slug == GENERAL))).one_or_none()
    if room is None:
        name = _l("general").translate(transaction.tenant.language)
        room = await add_room(transaction, Room(slug=GENERAL, name=name, kind="public"), [])
    inside = select(Membership.member_id).where(Membership.room_id == room.id)
    missing = await transaction.scalars(select(Member).where(Member.id.not_in(inside), Member.removed_at.is_(None)))
    transaction.add_all(
        Membership(room_id=room.id, member_id=person.id, read_number=room.last_number) for person in missing.all()
    )
    await transaction.flush()
    return room


async def join_general(transaction: Transaction, facts: Sequence[MemberJoined]) -> None:
    """Newcomers are in the general room."""
    await ensure_general(transaction)


async def change_room(transaction: Transaction, room: Room, member: Member, *, name: str, description: str) -> None:
    """Rename and describe a room.

    Raises Invalid for what it can't be called, and a 403 page for direct rooms, discussions, and who is not in it.
    """
    require(member, "change", await find_access(transaction, room, member))
    check_name(name, description)
    before, after = (room.name, room.description), (name, description)
    if before != after:
        room.name, room.description = after
        await transaction.flush()
        transaction.keep(room)
        transaction.note(RoomChanged(by=transaction.acting(member.id), room_id=room.id, before=before, after=after))


async def archive_room(transaction: Transaction, room: Room, member: Member, *, archived: bool) -> None:
    """Close a room to new messages, or open it again. It can still be read and searched.

    Raises a 403 page unless this member may.
    """
    require(member, "archive", room)
    if archived == (room.archived_at is not None):
        return
    if archived:  # once more, which is not to be undone by what was offered before
        await end_offers(transaction, ["room.archived"], room=room.id)
    room.archived_at = now() if archived else None
    await transaction.flush()
    transaction.keep(room)
    by = transaction.acting(member.id)
    transaction.note(RoomArchived(by=by, room_id=room.id, name=room.name, archived=archived))
